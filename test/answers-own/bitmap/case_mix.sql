-- CASE of a bitmap and a text
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CASE WHEN id > 3 THEN BITMAP_BUILD(ARRAY[v]) ELSE 'a' END AS a FROM l;
