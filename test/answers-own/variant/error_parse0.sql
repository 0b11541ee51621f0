-- error parse0
SELECT PARSE_JSON('{') AS c0;
