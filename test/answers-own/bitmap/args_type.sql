-- BITMAP takes no length
SELECT CAST(NULL AS BITMAP(3)) AS b;
