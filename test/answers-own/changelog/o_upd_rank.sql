-- OVER a plain column whose values change
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT id, k, COUNT(*) OVER (PARTITION BY k ORDER BY v) AS s, MAX(v) OVER (PARTITION BY k ORDER BY v) AS m FROM c;
