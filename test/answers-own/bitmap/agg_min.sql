-- MIN of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT MIN(b) AS n FROM (SELECT BITMAP_BUILD(ARRAY[v]) AS b FROM l);
