-- TRY_CAST of a bitmap to BYTES
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT TRY_CAST(BITMAP_BUILD(ARRAY[id]) AS BYTES) AS t FROM l;
