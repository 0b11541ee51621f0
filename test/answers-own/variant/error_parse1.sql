-- error parse1
SELECT PARSE_JSON('{"a":1,"a":2}') AS c0;
