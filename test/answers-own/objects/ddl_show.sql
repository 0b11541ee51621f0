-- a column of an object in SHOW CREATE TABLE
CREATE TABLE t (u STRUCTURED<'com.acme.User', name STRING, age INT>) WITH ('connector' = 'blackhole');
SHOW CREATE TABLE t;
