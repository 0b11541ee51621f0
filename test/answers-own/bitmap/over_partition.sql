-- rows around a row of each bitmap
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT id, COUNT(*) OVER (PARTITION BY BITMAP_BUILD(ARRAY[v]) ORDER BY ts) AS n FROM e;
