-- CAST of an object to its class
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS STRUCTURED<'com.acme.User', name STRING, age INT>) AS r FROM e;
