-- ELEMENT and CARDINALITY of arrays of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CARDINALITY(ARRAY[BITMAP_BUILD(ARRAY[v])]) AS n, ELEMENT(ARRAY[BITMAP_BUILD(ARRAY[v])]) AS e FROM l;
