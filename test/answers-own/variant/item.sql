-- item
SELECT PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['a'] AS c0,
  PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['b'] AS c1,
  PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['b']['c'] AS c2,
  PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['zz'] AS c3,
  PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['zz']['y'] AS c4,
  PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['a'][1] AS c5,
  PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['a'][3] AS c6,
  PARSE_JSON('{"a":[1,2.50,null,"x"],"b":{"c":true},"d":null}')['d'] AS c7;
