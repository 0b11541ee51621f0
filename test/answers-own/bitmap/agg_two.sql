-- OR of the bitmaps of groups
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_OR_AGG(b) AS o, BITMAP_AND_AGG(b) AS a, BITMAP_XOR_AGG(b) AS x FROM (SELECT k, BITMAP_BUILD_AGG(v) AS b FROM l GROUP BY k);
