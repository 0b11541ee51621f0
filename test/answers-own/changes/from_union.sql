-- FROM_CHANGELOG, UNION ALL
CREATE TABLE o (id INT, op STRING, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_op.jsonl', 'format' = 'json');
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT id, v FROM FROM_CHANGELOG(input => TABLE o) UNION ALL SELECT id, v FROM c;
