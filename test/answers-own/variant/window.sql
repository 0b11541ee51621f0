-- window
CREATE TABLE t (k INT, g STRING, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
CREATE TEMPORARY VIEW v AS SELECT k, g, TRY_PARSE_JSON(s) AS v, ts FROM t;
SELECT window_start, g, COUNT(v) AS n, LAST_VALUE(v) AS l FROM TUMBLE(TABLE v, DESCRIPTOR(ts), INTERVAL '10' SECOND) GROUP BY window_start, window_end, g;
