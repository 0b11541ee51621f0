-- FROM_CHANGELOG, then OVER
CREATE TABLE o (id INT, op STRING, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_op.jsonl', 'format' = 'json');
SELECT id, SUM(v) OVER (PARTITION BY k ORDER BY id) AS s FROM FROM_CHANGELOG(input => TABLE o);
