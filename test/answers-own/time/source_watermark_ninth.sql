-- SOURCE_WATERMARK() of a TIMESTAMP(3) NOT NULL
CREATE TABLE e (id INT, v INT, ts TIMESTAMP(3) NOT NULL, WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
DESCRIBE e;
