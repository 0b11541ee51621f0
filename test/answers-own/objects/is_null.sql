-- IS NULL of an object
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) IS NULL AS a, CAST(NULL AS STRUCTURED<'com.acme.User', name STRING, age INT>) IS NULL AS b FROM e;
