-- bitmaps of groups
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, BITMAP_BUILD_AGG(v) AS b, BITMAP_BUILD_CARDINALITY_AGG(v) AS n FROM l GROUP BY k;
