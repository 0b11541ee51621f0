-- error try int
SELECT TRY_PARSE_JSON(1) AS c0;
