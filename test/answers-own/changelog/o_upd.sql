-- OVER a plain column of changing rows
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT id, k, SUM(v) OVER (PARTITION BY k ORDER BY id) AS s FROM c;
