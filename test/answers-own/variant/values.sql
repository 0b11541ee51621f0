-- values
SELECT * FROM (VALUES (1, PARSE_JSON('1')), (2, PARSE_JSON('null'))) AS t(k, v);
