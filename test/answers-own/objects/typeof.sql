-- the type of OBJECT_OF
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT TYPEOF(OBJECT_OF('com.acme.User', 'name', 'Bob', 'age', 42)) AS a, TYPEOF(OBJECT_OF('com.acme.User', 'name', k, 'age', v)) AS b, TYPEOF(OBJECT_OF('com.acme.User', 'name', k, 'age', v), TRUE) AS c FROM e;
