-- ddl show
CREATE TABLE j (k INT, v VARIANT, w VARIANT NOT NULL COMMENT 'c', a ARRAY<VARIANT>) WITH ('connector' = 'filesystem', 'path' = '/data/x', 'format' = 'json');
SHOW CREATE TABLE j;
