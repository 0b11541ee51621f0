-- the first objects
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT o, v FROM (SELECT o, v, ROW_NUMBER() OVER (PARTITION BY o ORDER BY v DESC) AS r FROM (SELECT OBJECT_OF('A', 'k', k) AS o, v FROM c)) WHERE r = 1;
