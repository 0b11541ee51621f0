-- TO_CHANGELOG: DEFAULT
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(TABLE c, DEFAULT, MAP['INSERT', 'I']);
