-- a bitmap of BIGINT
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD_AGG(CAST(v AS BIGINT)) AS a FROM l;
