-- a bitmap of two columns
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD_AGG(v, id) AS a FROM l;
