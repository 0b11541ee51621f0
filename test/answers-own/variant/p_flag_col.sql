-- p flag col
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
SELECT TRY_PARSE_JSON('{"a":1,"a":2}', k = 1) AS x FROM t WHERE k < 3;
