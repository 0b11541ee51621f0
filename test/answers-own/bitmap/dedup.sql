-- the last bitmap of each key
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT id, k, b FROM (SELECT id, k, BITMAP_BUILD(ARRAY[v]) AS b, ROW_NUMBER() OVER (PARTITION BY k ORDER BY id DESC) AS rn FROM c) WHERE rn = 1;
