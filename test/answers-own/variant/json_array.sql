-- json array
SELECT JSON_ARRAY(PARSE_JSON('1')) AS c0;
