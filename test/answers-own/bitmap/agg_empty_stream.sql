-- AND, OR, XOR of bitmaps of which all are NULL
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, BITMAP_AND_AGG(b) AS a, BITMAP_OR_AGG(b) AS o, BITMAP_XOR_AGG(b) AS x, BITMAP_XOR_CARDINALITY_AGG(b) AS n FROM (SELECT k, BITMAP_BUILD(CAST(NULL AS ARRAY<INT>)) AS b FROM l) GROUP BY k;
