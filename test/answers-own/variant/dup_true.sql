-- dup true
SELECT PARSE_JSON('{"a":1,"b":{"c":1,"c":[2]},"a":2}', TRUE) AS c0;
