-- a bitmap of *
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD_AGG(*) AS a FROM l;
