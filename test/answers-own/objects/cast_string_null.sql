-- CAST of an object that is NULL to a text
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(CAST(NULL AS STRUCTURED<'com.acme.User', name STRING, age INT>) AS STRING) AS s, CAST(OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS VARCHAR(5)) AS v FROM e;
