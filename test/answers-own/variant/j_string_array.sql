-- j string array
SELECT JSON_STRING(ARRAY[PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), PARSE_JSON('1e10'), PARSE_JSON('123456789012345678.50')]) AS c0;
