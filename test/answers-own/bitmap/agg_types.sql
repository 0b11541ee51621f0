-- bitmaps of other integers
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD_AGG(CAST(v AS TINYINT)) AS a, BITMAP_BUILD_AGG(CAST(v AS SMALLINT)) AS b FROM l;
