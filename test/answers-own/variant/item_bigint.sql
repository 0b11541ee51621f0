-- item bigint
SELECT PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['a'][CAST(1 AS BIGINT)] AS c0;
