-- SOURCE_WATERMARK() of a number
CREATE TABLE e (id INT, v INT, ts INT, WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT id FROM e;
