-- objects in batch mode
-- mode: batch
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT o.name, OBJECT_UPDATE(o, 'age', 1) AS u FROM (SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS o FROM e);
