-- OVER of three windows in batch
-- mode: batch
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, SUM(v) OVER (PARTITION BY k) AS s, MAX(v) OVER (ORDER BY id) AS m, ROW_NUMBER() OVER (PARTITION BY s ORDER BY id) AS rn FROM l;
