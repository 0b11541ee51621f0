-- a view with a bitmap
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE VIEW w AS SELECT k, BITMAP_BUILD_AGG(v) AS b FROM l GROUP BY k;
DESCRIBE w;
