-- objects in WHERE
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id FROM e WHERE OBJECT_OF('com.acme.User', 'name', k, 'age', v).age > 5;
