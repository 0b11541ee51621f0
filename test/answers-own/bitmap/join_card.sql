-- a join that carries bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT a.id, BITMAP_AND(a.m, b.m) AS m FROM (SELECT id, k, BITMAP_BUILD(ARRAY[v, id]) AS m FROM l) a JOIN (SELECT k, BITMAP_BUILD_AGG(id) AS m FROM l GROUP BY k) b ON a.k = b.k;
