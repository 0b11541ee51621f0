-- error parse3
SELECT PARSE_JSON('1 2') AS c0;
