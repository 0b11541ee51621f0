-- AND, OR, XOR of changing bitmaps
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT k, BITMAP_AND_AGG(b) AS a, BITMAP_OR_AGG(b) AS o, BITMAP_XOR_AGG(b) AS x FROM (SELECT k, BITMAP_BUILD(ARRAY[v, 5, 8]) AS b FROM c) GROUP BY k;
