-- a bitmap beside a text
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT 'a' || BITMAP_BUILD(ARRAY[id]) AS s FROM l;
