-- item null key
SELECT PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')[CAST(NULL AS STRING)] AS c0,
  PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')[CAST(NULL AS INT)] AS c1;
