-- OFFSET without LIMIT in batch
-- mode: batch
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id FROM l ORDER BY id OFFSET 5;
