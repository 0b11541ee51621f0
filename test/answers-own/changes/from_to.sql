-- TO_CHANGELOG of FROM_CHANGELOG
CREATE TABLE o (id INT, op STRING, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_op.jsonl', 'format' = 'json');
SELECT * FROM TO_CHANGELOG(input => (SELECT k, COUNT(*) AS n FROM FROM_CHANGELOG(input => TABLE o) GROUP BY k));
