-- upper
SELECT UPPER(PARSE_JSON('"x"')) AS c0;
