-- null literal try
SELECT TRY_PARSE_JSON(NULL) AS c0;
