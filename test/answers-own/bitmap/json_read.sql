-- a bitmap column in JSON
CREATE TABLE t (id INT, k BITMAP) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT * FROM t;
