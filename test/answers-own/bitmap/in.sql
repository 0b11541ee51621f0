-- IN of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id FROM l WHERE BITMAP_BUILD(ARRAY[id]) IN (BITMAP_BUILD(ARRAY[2]), BITMAP_BUILD(ARRAY[3]));
