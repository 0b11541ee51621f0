-- TO_CHANGELOG: several changes with one code
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
CREATE VIEW w AS SELECT k, COUNT(*) AS n, SUM(v) AS s FROM c GROUP BY k;
SELECT * FROM TO_CHANGELOG(input => TABLE w, op => DESCRIPTOR(deleted), op_mapping => MAP['INSERT, UPDATE_AFTER', 'false', ' DELETE ', 'true']);
