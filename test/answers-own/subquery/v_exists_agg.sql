-- EXISTS of an aggregate without GROUP BY: always TRUE
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
SELECT id FROM l WHERE EXISTS (SELECT COUNT(*) FROM r WHERE r.k = l.k);
