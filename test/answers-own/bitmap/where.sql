-- WHERE by bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id FROM l WHERE BITMAP_CARDINALITY(BITMAP_AND(BITMAP_BUILD(ARRAY[v]), BITMAP_BUILD(ARRAY[5, 8]))) = 1;
