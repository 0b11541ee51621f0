-- j query
SELECT JSON_QUERY(PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), '$.a') AS c0,
  JSON_QUERY(PARSE_JSON('null'), '$') AS c1;
