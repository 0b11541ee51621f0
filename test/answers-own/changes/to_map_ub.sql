-- TO_CHANGELOG: only what was
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
CREATE VIEW w AS SELECT k, COUNT(*) AS n, SUM(v) AS s FROM c GROUP BY k;
SELECT * FROM TO_CHANGELOG(input => TABLE w, op_mapping => MAP['UPDATE_BEFORE', 'was']);
