-- SOURCE_WATERMARK() of datagen
CREATE TABLE e (id INT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'datagen', 'number-of-rows' = '3');
SELECT id FROM e;
