-- error bytes
SELECT PARSE_JSON(x'31') AS c0;
