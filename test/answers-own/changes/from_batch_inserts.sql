-- FROM_CHANGELOG in batch mode, rows that only come
-- mode: batch
CREATE TABLE o (id INT, op STRING, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_op.jsonl', 'format' = 'json');
SELECT * FROM FROM_CHANGELOG(input => (SELECT * FROM o WHERE op = 'INSERT'));
