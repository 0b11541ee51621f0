-- a filter
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
CREATE TEMPORARY VIEW v AS SELECT k, g, TRY_PARSE_JSON(s) AS v, ts FROM t;
SELECT COUNT(*) FILTER (WHERE v IS NULL) AS n, LAST_VALUE(v) FILTER (WHERE k < 3) AS l FROM v;
