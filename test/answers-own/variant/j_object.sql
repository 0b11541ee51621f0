-- j object
SELECT JSON_OBJECT('k' VALUE PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), 'l' VALUE PARSE_JSON('null') ABSENT ON NULL) AS c0,
  JSON_ARRAY(PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), PARSE_JSON('null'), PARSE_JSON('1e10'), PARSE_JSON('"x"'), PARSE_JSON('1.50')) AS c1,
  JSON_OBJECT('k' VALUE TRY_PARSE_JSON('{')) AS c2;
