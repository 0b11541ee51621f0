-- TO_CHANGELOG: the table alone by position
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(TABLE c);
