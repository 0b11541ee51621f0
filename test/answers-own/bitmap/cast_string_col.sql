-- CAST of bitmaps of columns to STRING
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(BITMAP_BUILD(ARRAY[id, v]) AS STRING) AS s, CAST(BITMAP_BUILD(ARRAY[id, v]) AS CHAR(5)) AS t, TRY_CAST(BITMAP_BUILD(ARRAY[id, v]) AS VARCHAR(2)) AS u FROM l;
