-- TRY_CAST of a bitmap to BOOLEAN
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT TRY_CAST(BITMAP_BUILD(ARRAY[id]) AS BOOLEAN) AS t FROM l;
