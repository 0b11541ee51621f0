-- FROM_CHANGELOG of rows that change
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM FROM_CHANGELOG(input => TABLE c, op => DESCRIPTOR(k));
