-- SOURCE_WATERMARK(): the table can be made
CREATE TABLE e (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
DESCRIBE e;
