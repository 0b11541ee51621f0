-- CAST of a text to an object
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(k AS STRUCTURED<'com.acme.User', name STRING, age INT>) AS r FROM e;
