-- how many values the bitmaps of groups have together
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_OR_CARDINALITY_AGG(b) AS o, BITMAP_AND_CARDINALITY_AGG(b) AS a, BITMAP_XOR_CARDINALITY_AGG(b) AS x, BITMAP_XOR_AGG(b) AS y FROM (SELECT k, BITMAP_BUILD_AGG(id) AS b FROM l GROUP BY k);
