-- objects in a table that is made of a query
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE VIEW x AS SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS o, id FROM e;
DESCRIBE x;
