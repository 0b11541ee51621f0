-- conv style
SELECT CONVERT(INTEGER, '12', 1) AS c0;
