-- DISTINCT objects
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT DISTINCT OBJECT_OF('A', 's', id - id) AS o FROM e;
