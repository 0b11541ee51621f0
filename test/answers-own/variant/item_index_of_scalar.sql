-- item index of scalar
SELECT PARSE_JSON('1')[1] AS c0;
