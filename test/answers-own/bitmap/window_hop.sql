-- bitmaps of hopping windows
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT window_start, BITMAP_BUILD_AGG(v) AS b, BITMAP_OR_AGG(m) AS o, BITMAP_AND_AGG(m) AS a, BITMAP_XOR_AGG(m) AS x, BITMAP_AND_CARDINALITY_AGG(m) AS n FROM (SELECT window_start, window_end, v, BITMAP_BUILD(ARRAY[v, 1]) AS m FROM TABLE(HOP(TABLE e, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) GROUP BY window_start, window_end;
