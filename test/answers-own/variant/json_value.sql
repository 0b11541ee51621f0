-- json value
SELECT JSON_VALUE(PARSE_JSON('{"a":1}'), '$.a') AS c0;
