-- an object and a row
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) = ROW(k, v) AS a FROM e;
