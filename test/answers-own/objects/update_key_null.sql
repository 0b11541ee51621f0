-- OBJECT_UPDATE of a field that is NULL
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_UPDATE(OBJECT_OF('com.acme.User', 'name', k, 'age', v), CAST(NULL AS STRING), 1) AS o FROM e;
