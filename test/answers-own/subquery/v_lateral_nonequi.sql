-- LEFT JOIN LATERAL of an aggregate, by an inequality
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
SELECT l.id, x.m FROM l LEFT JOIN LATERAL (SELECT MAX(v) AS m FROM r WHERE r.v < l.v) x ON TRUE;
