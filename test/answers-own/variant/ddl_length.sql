-- ddl length
CREATE TABLE j (v VARIANT(3)) WITH ('connector' = 'filesystem', 'path' = '${DATA}/x', 'format' = 'json');
DESCRIBE j;
