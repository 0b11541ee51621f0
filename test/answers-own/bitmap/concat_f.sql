-- CONCAT of a bitmap
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CONCAT('a', BITMAP_BUILD(ARRAY[id])) AS s FROM l;
