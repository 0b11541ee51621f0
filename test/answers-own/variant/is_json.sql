-- is json
SELECT PARSE_JSON('{"a":1}') IS JSON AS c0;
