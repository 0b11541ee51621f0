-- a column of an object that is not NULL
CREATE TABLE t (u STRUCTURED<'com.acme.User', name STRING NOT NULL, age INT> NOT NULL) WITH ('connector' = 'blackhole');
DESCRIBE t;
