-- p dup eq
SELECT PARSE_JSON('{"a":1,"b":2,"a":3}', TRUE) = PARSE_JSON('{"a":3,"b":2}') AS c0,
  PARSE_JSON('{"b":2,"a":3}') = PARSE_JSON('{"a":3,"b":2}') AS c1,
  PARSE_JSON('1.0') = PARSE_JSON('1') AS c2,
  PARSE_JSON('1.0') = PARSE_JSON('1.0') AS c3,
  PARSE_JSON(' [ 1 ] ') = PARSE_JSON('[1]') AS c4;
