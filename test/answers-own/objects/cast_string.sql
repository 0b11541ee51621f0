-- CAST of an object to a text
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS STRING) AS s FROM e;
