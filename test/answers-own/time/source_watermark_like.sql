-- SOURCE_WATERMARK() in a table that is like another
CREATE TABLE e (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
CREATE TABLE f (WATERMARK FOR ts AS ts) LIKE e (OVERWRITING WATERMARKS);
SELECT id FROM f;
