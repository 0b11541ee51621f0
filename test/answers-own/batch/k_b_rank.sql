-- RANK of the first rows in batch
-- mode: batch
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT * FROM (SELECT id, k, v, RANK() OVER (PARTITION BY k ORDER BY v DESC) AS rk FROM l) WHERE rk <= 2;
