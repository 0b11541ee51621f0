-- UNION of a bitmap and bytes
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_BUILD(ARRAY[v]) AS b FROM l UNION ALL SELECT x'00' FROM l;
