-- row
SELECT ROW(PARSE_JSON('1'), 2) AS c0,
  ROW(PARSE_JSON('{"a":1}'), 2).EXPR$0 AS c1;
