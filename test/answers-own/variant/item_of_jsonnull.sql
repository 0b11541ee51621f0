-- item of jsonnull
SELECT PARSE_JSON('null')['x'] AS c0,
  PARSE_JSON('null')[1] AS c1;
