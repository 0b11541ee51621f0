-- DESCRIBE of a table with a bitmap
CREATE TABLE t (id INT, b BITMAP, c BITMAP NOT NULL, a ARRAY<BITMAP>) WITH ('connector' = 'filesystem', 'path' = '/tmp/none', 'format' = 'json');
DESCRIBE t;
