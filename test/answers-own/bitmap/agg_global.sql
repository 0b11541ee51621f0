-- a bitmap of all rows
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD_AGG(v) AS b, BITMAP_CARDINALITY(BITMAP_BUILD_AGG(v)) AS n FROM l;
