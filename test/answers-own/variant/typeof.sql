-- typeof
SELECT TYPEOF(PARSE_JSON('1')) AS c0,
  TYPEOF(TRY_PARSE_JSON('1')) AS c1,
  TYPEOF(PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['a']) AS c2,
  TYPEOF(PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}'), TRUE) AS c3,
  TYPEOF(CAST(NULL AS VARIANT)) AS c4;
