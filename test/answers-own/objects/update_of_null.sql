-- OBJECT_UPDATE of NULL
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_UPDATE(CAST(NULL AS STRUCTURED<'com.acme.User', name STRING, age INT>), 'age', 1) AS o FROM e;
