-- order k limit
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
CREATE TEMPORARY VIEW v AS SELECT k, g, TRY_PARSE_JSON(s) AS v, ts FROM t;
SELECT k, v FROM v ORDER BY k DESC LIMIT 3;
