-- JSON_STRING of an object
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT JSON_STRING(OBJECT_OF('com.acme.User', 'name', k, 'age', v)) AS j FROM e;
