-- a table whose key is a bitmap
CREATE TABLE g (b BITMAP, PRIMARY KEY (b) NOT ENFORCED) WITH ('connector' = 'blackhole');
DESCRIBE g;
