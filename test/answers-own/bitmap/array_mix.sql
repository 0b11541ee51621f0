-- an array of a bitmap and a text
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT ARRAY[BITMAP_BUILD(ARRAY[v]), 'a'] AS b FROM l;
