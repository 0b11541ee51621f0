-- SELECT DISTINCT of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT DISTINCT BITMAP_BUILD(ARRAY[v]) AS b FROM l;
