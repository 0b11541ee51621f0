-- objects of one type in an array
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT ARRAY[OBJECT_OF('com.acme.User', 'name', k, 'age', v), OBJECT_OF('com.acme.User', 'name', k, 'age', v)] AS a, ARRAY[OBJECT_OF('com.acme.User', 'name', k, 'age', v)][1].age AS n, CARDINALITY(ARRAY[OBJECT_OF('com.acme.User', 'name', k, 'age', v)]) AS c FROM e;
