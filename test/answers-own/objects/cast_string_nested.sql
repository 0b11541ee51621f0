-- CAST of objects in objects to a text
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(OBJECT_OF('P', 'l', OBJECT_OF('com.acme.User', 'name', k, 'age', v), 'a', ARRAY[id], 'd', DATE '2024-01-02', 'n', CAST(NULL AS INT)) AS STRING) AS s FROM e;
