-- map key
SELECT MAP[PARSE_JSON('1'), 1] AS c0;
