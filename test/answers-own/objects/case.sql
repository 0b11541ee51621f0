-- objects of CASE
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CASE WHEN id = 1 THEN OBJECT_OF('com.acme.User', 'name', k, 'age', v) ELSE CAST(NULL AS STRUCTURED<'com.acme.User', name STRING, age INT>) END AS o FROM e;
