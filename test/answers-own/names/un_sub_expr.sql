-- * of a subquery with two columns of one name
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT * FROM (SELECT id, id, v + 1, v + 2 FROM l) t;
