-- a bitmap of what a bitmap holds
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD(BITMAP_TO_ARRAY(BITMAP_BUILD(ARRAY[v, id]))) AS b, CARDINALITY(BITMAP_TO_ARRAY(BITMAP_BUILD(ARRAY[v, id, id]))) AS n FROM l;
