-- fields of an object that may be NULL
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT o.name, p.age FROM (SELECT OBJECT_OF('com.acme.User', 'name', 'Bob', 'age', 42) AS o, CAST(ROW(k, 1) AS STRUCTURED<'com.acme.User', name STRING, age INT NOT NULL>) AS p FROM e);
