-- bitmaps of growing windows
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT window_start, window_end, BITMAP_BUILD_AGG(v) AS b, BITMAP_OR_CARDINALITY_AGG(BITMAP_BUILD(ARRAY[v])) AS n FROM TABLE(CUMULATE(TABLE e, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) GROUP BY window_start, window_end;
