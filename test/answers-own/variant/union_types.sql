-- union types
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
CREATE TEMPORARY VIEW v AS SELECT k, g, TRY_PARSE_JSON(s) AS v, ts FROM t;
SELECT v FROM v WHERE k = 1 UNION ALL SELECT s FROM t WHERE k = 1;
