-- error flag int
SELECT PARSE_JSON('1', 1) AS c0;
