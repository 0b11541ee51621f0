-- castto string
SELECT CAST('x' AS VARIANT) AS c0;
