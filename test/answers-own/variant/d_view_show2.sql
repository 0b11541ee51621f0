-- d view show2
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
CREATE VIEW w AS SELECT k, PARSE_JSON(s)['a'][1] AS p, JSON_STRING(PARSE_JSON(s, TRUE)) AS q FROM t;
SHOW CREATE VIEW w;
