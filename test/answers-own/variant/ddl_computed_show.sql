-- ddl computed show
CREATE TABLE j (k INT, s STRING, v AS TRY_PARSE_JSON(s), p AS PARSE_JSON('[1]')[1]) WITH ('connector' = 'filesystem', 'path' = '/data/x', 'format' = 'json');
SHOW CREATE TABLE j;
