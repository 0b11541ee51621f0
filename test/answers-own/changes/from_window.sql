-- FROM_CHANGELOG, then windows
CREATE TABLE o (id INT, op STRING, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_op.jsonl', 'format' = 'json');
CREATE VIEW x AS SELECT * FROM FROM_CHANGELOG(input => TABLE o);
SELECT window_start, k, COUNT(*) AS n FROM TUMBLE(TABLE x, DESCRIPTOR(ts), INTERVAL '10' SECOND) GROUP BY window_start, window_end, k;
