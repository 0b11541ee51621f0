-- an array of bitmaps in JSON
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT JSON_ARRAY(BITMAP_TO_ARRAY(BITMAP_BUILD(ARRAY[v, id]))) AS b FROM l;
