-- peers of a row in an order of two columns
-- mode: batch
SELECT a, b, COUNT(*) OVER (ORDER BY a, b RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS up, COUNT(*) OVER (ORDER BY a, b RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS down FROM (VALUES (1, 1), (1, 2), (1, 2), (2, 1)) AS t(a, b);
