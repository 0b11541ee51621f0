-- a bitmap column of datagen
CREATE TABLE g (b BITMAP) WITH ('connector' = 'datagen', 'number-of-rows' = '2');
SELECT * FROM g;
