-- TO_CHANGELOG where a value stands
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT TO_CHANGELOG(id) FROM c;
