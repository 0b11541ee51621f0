-- TO_CHANGELOG of a query
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(input => (SELECT k, MAX(v) AS m FROM c GROUP BY k));
