-- item bool
SELECT PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')[TRUE] AS c0;
