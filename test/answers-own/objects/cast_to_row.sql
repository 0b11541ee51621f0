-- CAST of an object to a row
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS ROW<a STRING, b BIGINT>) AS r FROM e;
