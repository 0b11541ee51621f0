-- objects in windows
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '10' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
CREATE VIEW w AS SELECT OBJECT_OF('A', 'k', k) AS o, ts FROM e;
SELECT window_start, o, COUNT(*) AS n FROM TUMBLE(TABLE w, DESCRIPTOR(ts), INTERVAL '10' SECOND) GROUP BY window_start, window_end, o;
