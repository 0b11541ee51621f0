-- IFNULL of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, IFNULL(BITMAP_BUILD(CAST(NULL AS ARRAY<INT>)), BITMAP_BUILD(ARRAY[id])) AS b FROM l;
