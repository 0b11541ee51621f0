-- json object
SELECT JSON_OBJECT('a' VALUE PARSE_JSON('1')) AS c0;
