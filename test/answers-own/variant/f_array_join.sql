-- f array join
SELECT ARRAY_JOIN(ARRAY[PARSE_JSON('1')], ',') AS c0;
