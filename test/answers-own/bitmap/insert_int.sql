-- bytes go into no column of BITMAP
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE o (b BITMAP) WITH ('connector' = 'blackhole');
EXPLAIN INSERT INTO o SELECT BITMAP_TO_BYTES(BITMAP_BUILD(ARRAY[id])) FROM l;
