-- TO_CHANGELOG with an alias of the table alone
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT t.op, t.id FROM TO_CHANGELOG(input => TABLE c) t;
