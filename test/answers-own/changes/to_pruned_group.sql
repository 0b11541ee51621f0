-- TO_CHANGELOG: counted by their kinds
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT op, COUNT(*) AS n FROM TO_CHANGELOG(input => (SELECT k, MAX(v) AS m, COUNT(*) AS n FROM c GROUP BY k)) GROUP BY op;
