-- conv string
SELECT CONVERT(STRING, 12) AS c0;
