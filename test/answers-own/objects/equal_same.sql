-- objects of one type that are equal
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) = OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS a, OBJECT_OF('com.acme.User', 'name', k, 'age', v) <> OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS b FROM e;
