-- a join by bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT a.id, b.id AS other FROM (SELECT id, BITMAP_BUILD(ARRAY[v]) AS m FROM l) a JOIN (SELECT id, BITMAP_BUILD(ARRAY[id]) AS m FROM l) b ON a.m = b.m;
