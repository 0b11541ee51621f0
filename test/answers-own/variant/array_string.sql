-- array string
SELECT CAST(ARRAY[PARSE_JSON('"x"')] AS STRING) AS c0;
