-- objects of CASE of one type
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CASE WHEN id = 1 THEN OBJECT_OF('com.acme.User', 'name', k, 'age', v) ELSE OBJECT_OF('com.acme.User', 'name', k, 'age', id) END AS o FROM e;
