-- AND, OR, XOR of changing bitmaps of which some are empty
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT k, BITMAP_AND_AGG(b) AS a, BITMAP_OR_AGG(b) AS o, BITMAP_XOR_AGG(b) AS x, BITMAP_BUILD_AGG(v) AS y, BITMAP_XOR_CARDINALITY_AGG(b) AS n, BITMAP_OR_CARDINALITY_AGG(b) AS oc, BITMAP_AND_CARDINALITY_AGG(b) AS ac FROM (SELECT k, v, BITMAP_BUILD(ARRAY[v]) AS b FROM c) GROUP BY k;
