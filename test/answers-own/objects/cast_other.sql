-- CAST of an object to another class
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS STRUCTURED<'com.acme.Other', name STRING, age INT>) AS r FROM e;
