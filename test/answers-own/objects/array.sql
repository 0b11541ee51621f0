-- objects in an array
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT ARRAY[OBJECT_OF('com.acme.User', 'name', k, 'age', v), OBJECT_OF('com.acme.User', 'name', 'Bob', 'age', 42)] AS a, ARRAY[OBJECT_OF('com.acme.User', 'name', k, 'age', v)][1].age AS n FROM e;
