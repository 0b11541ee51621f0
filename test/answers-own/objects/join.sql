-- a join of objects
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT a.id FROM (SELECT id, OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS o FROM e) AS a JOIN (SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS o FROM e) AS b ON a.o = b.o;
