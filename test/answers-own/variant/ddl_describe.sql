-- ddl describe
CREATE TABLE j (k INT, v VARIANT, w VARIANT NOT NULL, a ARRAY<VARIANT>, r ROW<x VARIANT>) WITH ('connector' = 'filesystem', 'path' = '${DATA}/x', 'format' = 'json');
DESCRIBE j;
