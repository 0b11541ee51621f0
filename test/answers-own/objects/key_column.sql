-- OBJECT_OF with a column for a field
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_OF('com.acme.User', k, 1) AS o FROM e;
