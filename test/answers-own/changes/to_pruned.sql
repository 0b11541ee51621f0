-- TO_CHANGELOG: changes of columns that nobody asks for
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT op, k FROM TO_CHANGELOG(input => (SELECT k, MAX(v) AS m, COUNT(*) AS n FROM c GROUP BY k));
