-- bitmaps of sessions
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT k, window_start, BITMAP_BUILD_AGG(v) AS b, BITMAP_OR_AGG(BITMAP_BUILD(ARRAY[id])) AS o, BITMAP_AND_AGG(BITMAP_BUILD(ARRAY[id, 1])) AS a, BITMAP_XOR_AGG(BITMAP_BUILD(ARRAY[id, 1])) AS x FROM TABLE(SESSION(TABLE e PARTITION BY k, DESCRIPTOR(ts), INTERVAL '6' SECOND)) GROUP BY k, window_start, window_end;
