-- d describe nn
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
CREATE VIEW w AS SELECT PARSE_JSON('1') AS a, TRY_PARSE_JSON('1') AS b, PARSE_JSON('1')['x'] AS c FROM t;
DESCRIBE w;
