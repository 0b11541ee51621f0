-- AND, OR, XOR of changing bitmaps of which some are NULL
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT BITMAP_AND_AGG(b) AS a, BITMAP_OR_AGG(b) AS o, BITMAP_XOR_AGG(b) AS x, BITMAP_XOR_CARDINALITY_AGG(b) AS n FROM (SELECT k, BITMAP_BUILD_AGG(v) AS b FROM c GROUP BY k);
