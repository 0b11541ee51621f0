-- a field that an object does not have
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT o.x FROM (SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS o FROM e);
