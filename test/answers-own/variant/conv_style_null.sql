-- conv style null
SELECT CONVERT(INTEGER, '12', NULL) AS c0;
