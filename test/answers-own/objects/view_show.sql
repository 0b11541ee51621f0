-- objects in SHOW CREATE VIEW
CREATE TABLE e (id INT, k STRING) WITH ('connector' = 'datagen');
CREATE VIEW x AS SELECT OBJECT_OF('com.acme.User', 'name', k).name AS n, CAST(ROW(k, id) AS STRUCTURED<'com.acme.User', name STRING, age INT>) AS o FROM e;
SHOW CREATE VIEW x;
