-- json string parse
SELECT JSON_STRING(PARSE_JSON('null')) AS c0,
  JSON_STRING(PARSE_JSON('"x"')) AS c1,
  JSON_STRING(PARSE_JSON('{"b":1,"a":[1,"y",null]}')) AS c2;
