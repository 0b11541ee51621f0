-- SOURCE_WATERMARK() of a TIMESTAMP(6)
CREATE TABLE e (id INT, v INT, ts TIMESTAMP(6), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
DESCRIBE e;
