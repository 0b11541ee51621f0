-- TO_CHANGELOG, then groups
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT op, COUNT(*) AS n, SUM(v) AS s FROM TO_CHANGELOG(input => TABLE c) GROUP BY op;
