-- objects in an order
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) < OBJECT_OF('com.acme.User', 'name', 'Bob', 'age', 42) AS a FROM e;
