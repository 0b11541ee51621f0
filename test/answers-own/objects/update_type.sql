-- OBJECT_UPDATE with another type
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT TYPEOF(OBJECT_UPDATE(OBJECT_OF('com.acme.User', 'name', k, 'age', v), 'age', 'old')) AS t, OBJECT_UPDATE(OBJECT_OF('com.acme.User', 'name', k, 'age', v), 'age', 'old') AS o FROM e;
