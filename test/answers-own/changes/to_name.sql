-- TO_CHANGELOG: the name of the column
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(input => TABLE c, op => DESCRIPTOR(`what happened`));
