-- a bitmap column in CSV
CREATE TABLE t (id STRING, k BITMAP) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'csv');
SELECT * FROM t;
