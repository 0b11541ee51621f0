-- item decimal
SELECT PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['a'][1.5] AS c0;
