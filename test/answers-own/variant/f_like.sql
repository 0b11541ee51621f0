-- f like
SELECT PARSE_JSON('1') LIKE '1' AS c0;
