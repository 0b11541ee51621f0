-- bitmaps of columns in arrays, rows and maps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT ARRAY[BITMAP_BUILD(ARRAY[id]), BITMAP_BUILD(ARRAY[v])] AS a, ROW(BITMAP_BUILD(ARRAY[id]), 2) AS r, MAP[id, BITMAP_BUILD(ARRAY[v])] AS m FROM l;
