-- nonnull type
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
SELECT PARSE_JSON('1') AS a, TRY_PARSE_JSON('1') AS b, PARSE_JSON(s) AS c, PARSE_JSON('[1]')[1] AS d FROM t WHERE k = 1;
