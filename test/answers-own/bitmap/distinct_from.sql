-- IS DISTINCT FROM of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD(ARRAY[id]) IS DISTINCT FROM BITMAP_BUILD(ARRAY[v]) AS x FROM l;
