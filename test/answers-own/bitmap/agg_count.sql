-- COUNT, FIRST_VALUE, LAST_VALUE of bitmaps
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT COUNT(b) AS n, FIRST_VALUE(b) AS f, LAST_VALUE(b) AS g FROM (SELECT BITMAP_BUILD(ARRAY[v]) AS b FROM l);
