-- a bitmap of distinct values
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, BITMAP_BUILD_AGG(DISTINCT v) AS b, BITMAP_BUILD_AGG(v) FILTER (WHERE id > 2) AS f FROM l GROUP BY k;
