-- CAST of an array of bitmaps to STRING
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(ARRAY[BITMAP_BUILD(ARRAY[id, v])] AS STRING) AS s, CAST(ROW(BITMAP_BUILD(ARRAY[id]), 1) AS STRING) AS t, CAST(MAP[BITMAP_TO_STRING(BITMAP_BUILD(ARRAY[id])), BITMAP_BUILD(ARRAY[v])] AS STRING) AS u FROM l;
