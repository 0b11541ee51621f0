-- GROUPING SETS with bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, s, BITMAP_BUILD_AGG(id) AS b FROM l GROUP BY GROUPING SETS ((k), (s), ());
