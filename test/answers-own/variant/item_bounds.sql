-- item bounds
SELECT PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['a'][5] AS c0;
