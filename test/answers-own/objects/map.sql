-- objects in a map
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT MAP['a', OBJECT_OF('com.acme.User', 'name', k, 'age', v)] AS m FROM e;
