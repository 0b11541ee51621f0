-- XOR of distinct bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_XOR_AGG(DISTINCT b) AS x, BITMAP_XOR_AGG(b) AS y, BITMAP_OR_AGG(b) FILTER (WHERE id < 3) AS f FROM (SELECT id, k, BITMAP_BUILD(ARRAY[v]) AS b FROM l);
