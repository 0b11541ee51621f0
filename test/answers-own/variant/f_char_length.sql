-- f char length
SELECT CHAR_LENGTH(PARSE_JSON('1')) AS c0;
