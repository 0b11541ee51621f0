-- the first rows by LATERAL of the same table
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE y (id INT, k STRING, v INT, ts TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts - INTERVAL '30' MINUTE) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_y.jsonl', 'format' = 'json');
SELECT x.k, y.id, y.v FROM (SELECT DISTINCT k FROM l) x, LATERAL (SELECT id, v FROM l WHERE l.k = x.k ORDER BY v DESC LIMIT 2) y;
