-- a correlated COALESCE(SUM, 0) of no rows
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
SELECT id, (SELECT COALESCE(SUM(v), 0) FROM r WHERE r.k = l.k) AS x FROM l;
