-- j value2
SELECT JSON_VALUE(PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), '$.a[1]') AS c0,
  JSON_VALUE(PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), '$.b.c' RETURNING BOOLEAN) AS c1,
  JSON_VALUE(TRY_PARSE_JSON('{'), '$') AS c2;
