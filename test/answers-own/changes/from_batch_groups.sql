-- FROM_CHANGELOG in batch mode, then groups
-- mode: batch
CREATE TABLE o (id INT, op STRING, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_op.jsonl', 'format' = 'json');
SELECT k, COUNT(*) AS n, SUM(v) AS s FROM FROM_CHANGELOG(input => TABLE o) GROUP BY k;
