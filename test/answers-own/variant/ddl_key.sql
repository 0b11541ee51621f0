-- ddl key
CREATE TABLE j (v VARIANT NOT NULL, PRIMARY KEY (v) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '${DATA}/x', 'format' = 'json');
DESCRIBE j;
