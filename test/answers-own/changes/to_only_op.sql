-- TO_CHANGELOG: the change alone
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT op FROM TO_CHANGELOG(input => TABLE c);
