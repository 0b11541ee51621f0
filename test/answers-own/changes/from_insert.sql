-- FROM_CHANGELOG into a table that takes no changes
CREATE TABLE o (id INT, op STRING, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '20' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_op.jsonl', 'format' = 'json');
CREATE TABLE s (id INT, v INT) WITH ('connector' = 'filesystem', 'path' = '/tmp/nowhere', 'format' = 'json');
INSERT INTO s SELECT id, v FROM FROM_CHANGELOG(input => TABLE o);
