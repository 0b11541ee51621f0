-- ORDER BY a bitmap in a stream
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, BITMAP_BUILD(ARRAY[v]) AS b FROM l ORDER BY BITMAP_BUILD(ARRAY[v]) LIMIT 3;
