-- OBJECT_UPDATE of a row
CREATE TABLE e (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT OBJECT_UPDATE(ROW(1, 2), 'f0', 1) AS o FROM e;
