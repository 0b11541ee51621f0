-- bitmaps of columns
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, BITMAP_BUILD(ARRAY[id, v]) AS b, BITMAP_CARDINALITY(BITMAP_BUILD(ARRAY[id, v])) AS n, BITMAP_TO_STRING(BITMAP_BUILD(ARRAY[id, v])) AS s, BITMAP_TO_BYTES(BITMAP_BUILD(ARRAY[id, v])) AS y FROM l;
