-- groups by an object
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT o, COUNT(*) AS n FROM (SELECT OBJECT_OF('A', 's', s) AS o FROM (SELECT id, CASE WHEN id < 3 THEN 'x' ELSE 'y' END AS s FROM e)) GROUP BY o;
