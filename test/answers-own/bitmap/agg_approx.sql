-- APPROX_COUNT_DISTINCT of bitmaps
-- mode: batch
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT APPROX_COUNT_DISTINCT(b) AS n FROM (SELECT BITMAP_BUILD(ARRAY[v]) AS b FROM l);
