-- TO_CHANGELOG: a code that is NULL
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(input => TABLE c, op_mapping => MAP['INSERT', CAST(NULL AS STRING), 'DELETE', 'D']);
