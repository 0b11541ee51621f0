-- LAG of bitmaps
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT id, LAG(m) OVER (PARTITION BY k ORDER BY ts) AS p FROM (SELECT *, BITMAP_BUILD(ARRAY[v, 4]) AS m FROM e);
