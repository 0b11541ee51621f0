-- a scalar subquery with two conditions, one of an expression around it
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
SELECT id FROM l WHERE v = (SELECT v FROM r WHERE r.k = l.k AND r.id = l.id + 11);
