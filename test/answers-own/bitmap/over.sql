-- bitmaps of the rows before a row
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT id, k, BITMAP_BUILD_AGG(v) OVER w AS b, BITMAP_BUILD_CARDINALITY_AGG(v) OVER w AS n FROM e WINDOW w AS (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);
