-- a bitmap of all changing rows
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT BITMAP_BUILD_AGG(v) AS b, BITMAP_BUILD_CARDINALITY_AGG(v) AS n FROM c;
