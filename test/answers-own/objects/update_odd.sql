-- OBJECT_UPDATE without a value
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_UPDATE(OBJECT_OF('com.acme.User', 'name', k, 'age', v), 'age') AS o FROM e;
