-- TO_CHANGELOG: without a table
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(op => DESCRIPTOR(a));
