-- AND, OR, XOR of bitmaps of groups
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, BITMAP_AND_AGG(b) AS a, BITMAP_OR_AGG(b) AS o, BITMAP_XOR_AGG(b) AS x FROM (SELECT k, BITMAP_BUILD(ARRAY[v, 5, id]) AS b FROM l) GROUP BY k;
