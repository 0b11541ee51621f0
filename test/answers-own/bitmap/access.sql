-- a bitmap out of an array and a row
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT a[1] AS x, BITMAP_CARDINALITY(a[2]) AS n, r.f AS y FROM (SELECT ARRAY[BITMAP_BUILD(ARRAY[id]), BITMAP_BUILD(ARRAY[id, 99])] AS a, CAST(ROW(BITMAP_BUILD(ARRAY[id])) AS ROW<f BITMAP>) AS r FROM l);
