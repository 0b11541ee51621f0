-- TO_CHANGELOG: a list with nothing in it
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(input => TABLE c, op_mapping => MAP['INSERT,,DELETE', 'I']);
