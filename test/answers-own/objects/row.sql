-- an object in a row
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT ROW(OBJECT_OF('com.acme.User', 'name', k, 'age', v), 1) AS r FROM e;
