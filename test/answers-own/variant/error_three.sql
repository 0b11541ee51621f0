-- error three
SELECT PARSE_JSON('1', TRUE, TRUE) AS c0;
