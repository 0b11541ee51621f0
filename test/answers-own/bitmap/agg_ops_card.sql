-- how many values AND, OR, XOR of bitmaps have
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, BITMAP_AND_CARDINALITY_AGG(b) AS a, BITMAP_OR_CARDINALITY_AGG(b) AS o, BITMAP_XOR_CARDINALITY_AGG(b) AS x FROM (SELECT k, BITMAP_BUILD(ARRAY[v, 5, id]) AS b FROM l) GROUP BY k;
