-- concat fn
SELECT CONCAT(PARSE_JSON('1'), 'x') AS c0;
