-- SESSION in GROUP BY behind a key
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '3' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT SESSION_START(ts, INTERVAL '3' SECOND) AS a, SESSION_END(ts, INTERVAL '3' SECOND) AS b, k, SUM(v) AS n FROM e GROUP BY k, SESSION(ts, INTERVAL '3' SECOND);
