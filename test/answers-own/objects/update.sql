-- OBJECT_UPDATE
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_UPDATE(OBJECT_OF('com.acme.User', 'name', k, 'age', v), 'age', 7) AS o FROM e;
