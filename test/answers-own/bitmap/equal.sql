-- bitmaps compared by =
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, BITMAP_BUILD(ARRAY[id]) = BITMAP_BUILD(ARRAY[v]) AS x FROM l;
