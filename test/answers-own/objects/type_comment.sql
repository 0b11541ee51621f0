-- STRUCTURED with comments of fields
CREATE TABLE t (u STRUCTURED<'com.acme.User', name STRING COMMENT 'who', age INT>) WITH ('connector' = 'blackhole');
DESCRIBE t;
