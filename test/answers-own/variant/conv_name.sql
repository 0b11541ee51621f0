-- conv name
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
SELECT CONVERT(VARCHAR(3), k) FROM t;
