-- objects out of an array
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, u.name, u.age FROM e CROSS JOIN UNNEST(ARRAY[OBJECT_OF('com.acme.User', 'name', k, 'age', v)]) AS u;
