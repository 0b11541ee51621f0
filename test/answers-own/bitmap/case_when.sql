-- CASE of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, CASE WHEN id > 3 THEN BITMAP_BUILD(ARRAY[v]) ELSE BITMAP_BUILD(ARRAY[id]) END AS a, BITMAP_BUILD(ARRAY[id]) IS NULL AS n FROM l;
