-- HAVING by a bitmap
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, BITMAP_BUILD_AGG(v) AS b FROM l GROUP BY k HAVING BITMAP_CARDINALITY(BITMAP_BUILD_AGG(v)) > 1;
