-- COALESCE of a bitmap and bytes
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT COALESCE(BITMAP_BUILD(ARRAY[v]), x'00') AS a FROM l;
