-- error int
SELECT PARSE_JSON(1) AS c0;
