-- COALESCE of objects
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT COALESCE(CAST(NULL AS STRUCTURED<'com.acme.User', name STRING, age INT>), OBJECT_OF('com.acme.User', 'name', k, 'age', v)) AS o FROM e;
