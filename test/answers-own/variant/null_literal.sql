-- null literal
SELECT PARSE_JSON(NULL) AS c0;
