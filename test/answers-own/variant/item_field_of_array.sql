-- item field of array
SELECT PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['a']['x'] AS c0;
