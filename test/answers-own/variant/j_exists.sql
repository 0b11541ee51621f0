-- j exists
SELECT JSON_EXISTS(PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), '$.b.c') AS c0,
  JSON_EXISTS(PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), '$.zz') AS c1;
