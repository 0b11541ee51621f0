-- j string map
SELECT JSON_STRING(MAP['k', PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')]) AS c0;
