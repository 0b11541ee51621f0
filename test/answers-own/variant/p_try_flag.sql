-- p try flag
SELECT TRY_PARSE_JSON('{"a":1,"a":2}', TRUE) AS c0,
  TRY_PARSE_JSON('{"a":1,"a":2}', FALSE) AS c1,
  TRY_PARSE_JSON('{"a":{"z":1},"b":[{"q":1,"q":2}],"a":3}', TRUE) AS c2;
