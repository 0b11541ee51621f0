-- TRY_CAST of a row
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT TRY_CAST(ROW(k, k) AS STRUCTURED<'com.acme.User', name STRING, age INT>) AS o FROM e;
