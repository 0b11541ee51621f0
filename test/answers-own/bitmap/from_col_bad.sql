-- a bitmap of bytes of a column that are none
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_FROM_BYTES(CAST(s AS BYTES)) AS b FROM l;
