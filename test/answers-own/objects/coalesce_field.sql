-- COALESCE of a field
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT COALESCE(o.name, 'none') AS n, o.name IS NULL AS i FROM (SELECT OBJECT_OF('com.acme.User', 'name', k, 'age', v) AS o FROM e);
