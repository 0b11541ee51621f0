-- TO_CHANGELOG with an alias
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT t.a, t.b FROM TO_CHANGELOG(input => TABLE c) AS t (a, b, x, y);
