-- p lone
SELECT PARSE_JSON('"\ud83d"') AS c0,
  PARSE_JSON('{"\ud83d":1}') AS c1,
  PARSE_JSON('"\ud83d\ude00"') AS c2;
