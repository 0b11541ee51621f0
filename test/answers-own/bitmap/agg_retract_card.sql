-- how many values changing bitmaps have
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT k, BITMAP_AND_CARDINALITY_AGG(b) AS a, BITMAP_OR_CARDINALITY_AGG(b) AS o, BITMAP_XOR_CARDINALITY_AGG(b) AS x FROM (SELECT k, BITMAP_BUILD(ARRAY[v, 5, 8]) AS b FROM c) GROUP BY k;
