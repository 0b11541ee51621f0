-- TO_CHANGELOG: codes that are numbers
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(input => TABLE c, op_mapping => MAP['INSERT', 1, 'DELETE', 2]);
