-- < ANY of a correlated query as a value
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
SELECT id, v < ANY (SELECT v FROM r WHERE r.k = l.k) AS x FROM l;
