-- COLLECT of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, COLLECT(b) AS n FROM (SELECT k, BITMAP_BUILD(ARRAY[v]) AS b FROM l) GROUP BY k;
