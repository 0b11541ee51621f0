-- ORDER BY an object
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS o FROM e ORDER BY o LIMIT 2;
