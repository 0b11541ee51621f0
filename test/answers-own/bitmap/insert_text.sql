-- a bitmap goes into no column of STRING
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE o (b STRING) WITH ('connector' = 'blackhole');
EXPLAIN INSERT INTO o SELECT BITMAP_BUILD(ARRAY[id]) FROM l;
