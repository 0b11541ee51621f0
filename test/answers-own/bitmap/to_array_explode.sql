-- values of a bitmap as rows
SELECT t.x FROM (SELECT BITMAP_BUILD(ARRAY[5, 3, -1]) AS b) AS s CROSS JOIN UNNEST(BITMAP_TO_ARRAY(b)) AS t(x);
