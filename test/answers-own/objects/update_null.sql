-- OBJECT_UPDATE with NULL
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_UPDATE(OBJECT_OF('com.acme.User', 'name', k, 'age', v), 'age', CAST(NULL AS INT)) AS o FROM e;
