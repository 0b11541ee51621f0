-- a bitmap of a column of TINYINT arrays
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD(a) AS b FROM (SELECT ARRAY[CAST(id AS TINYINT)] AS a FROM l);
