-- CAST of an object to its class with another type
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS STRUCTURED<'com.acme.User', name STRING, age BIGINT>) AS r FROM e;
