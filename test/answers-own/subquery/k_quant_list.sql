-- ALL and ANY of lists
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, v > ALL (1, 6) AS a, v = ANY (5, 7) AS b FROM l;
