-- objects in objects
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_OF('com.acme.Pair', 'l', OBJECT_OF('com.acme.User', 'name', k, 'age', v), 'r', id) AS o FROM e;
