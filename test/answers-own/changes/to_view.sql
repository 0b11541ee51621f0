-- TO_CHANGELOG in a view
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
CREATE VIEW x AS SELECT * FROM TO_CHANGELOG(input => TABLE c);
SELECT id, op FROM x;
