-- TO_CHANGELOG: windows of on_time
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '10' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
CREATE VIEW x AS SELECT * FROM TO_CHANGELOG(input => TABLE e, on_time => DESCRIPTOR(ts));
SELECT window_start, op, COUNT(*) AS n FROM TUMBLE(TABLE x, DESCRIPTOR(rowtime), INTERVAL '10' SECOND) GROUP BY window_start, window_end, op;
