-- OBJECT_UPDATE of a field that is not there
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_UPDATE(OBJECT_OF('com.acme.User', 'name', k, 'age', v), 'x', 1) AS o FROM e;
