-- SOURCE_WATERMARK() of a TIMESTAMP_LTZ
CREATE TABLE e (id INT, v INT, ts TIMESTAMP_LTZ(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
DESCRIBE e;
