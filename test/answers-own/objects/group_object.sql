-- groups by an object of rows that change
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT o, COUNT(*) AS n FROM (SELECT OBJECT_OF('A', 'k', k) AS o FROM c) GROUP BY o;
