-- castto int
SELECT CAST(1 AS VARIANT) AS c0;
