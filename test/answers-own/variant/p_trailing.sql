-- p trailing
SELECT TRY_PARSE_JSON('1 2') AS c0,
  TRY_PARSE_JSON('1x') AS c1,
  TRY_PARSE_JSON('1]') AS c2,
  TRY_PARSE_JSON('true]') AS c3,
  TRY_PARSE_JSON('truex') AS c4,
  TRY_PARSE_JSON('"a"b') AS c5,
  TRY_PARSE_JSON('{}x') AS c6;
