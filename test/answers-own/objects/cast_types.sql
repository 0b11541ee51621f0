-- CAST of a row with other types
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(ROW(id, k) AS STRUCTURED<'com.acme.User', name STRING, age INT>) AS o FROM e;
