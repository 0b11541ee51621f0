-- concat
SELECT PARSE_JSON('1') || 'x' AS c0;
