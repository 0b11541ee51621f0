-- ARRAY_JOIN and ARRAY_SORT of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT ARRAY_SORT(ARRAY[BITMAP_BUILD(ARRAY[v]), BITMAP_BUILD(ARRAY[id])]) AS b FROM l;
