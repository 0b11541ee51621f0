-- error parse2
SELECT PARSE_JSON('') AS c0;
