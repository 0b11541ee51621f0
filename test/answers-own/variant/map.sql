-- map
SELECT MAP['a', PARSE_JSON('1')] AS c0,
  MAP['a', PARSE_JSON('[1]')]['a'][1] AS c1;
