-- COUNT of an object that may be NULL
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT COUNT(OBJECT_OF('com.acme.User', 'name', k, 'age', v)) AS n FROM e;
