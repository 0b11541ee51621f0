-- TO_CHANGELOG of a table of WITH
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
WITH x AS (SELECT k, MAX(v) AS m FROM c GROUP BY k) SELECT * FROM TO_CHANGELOG(input => TABLE x);
