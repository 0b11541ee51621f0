-- FROM_CHANGELOG: PARTITION BY
CREATE TABLE o (id INT, op STRING, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_op.jsonl', 'format' = 'json');
SELECT * FROM FROM_CHANGELOG(input => TABLE o PARTITION BY id);
