-- a column of an object
CREATE TABLE t (u STRUCTURED<'com.acme.User', name STRING, age INT>) WITH ('connector' = 'datagen', 'number-of-rows' = '1', 'fields.u.name.length' = '3');
DESCRIBE t;
