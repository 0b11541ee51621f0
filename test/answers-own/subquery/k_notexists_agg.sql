-- NOT EXISTS of an aggregate without GROUP BY
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
SELECT id FROM l WHERE NOT EXISTS (SELECT COUNT(*) FROM r WHERE r.k = l.k);
