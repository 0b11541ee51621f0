-- a bitmap beside a text
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD(ARRAY[id]) = '{1}' AS x FROM l;
