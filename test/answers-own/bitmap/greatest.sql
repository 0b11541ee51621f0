-- GREATEST of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT GREATEST(BITMAP_BUILD(ARRAY[id]), BITMAP_BUILD(ARRAY[2])) AS x FROM l;
