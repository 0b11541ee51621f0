-- AND, OR, XOR of the rows before a row
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT id, k, BITMAP_OR_AGG(m) OVER w AS o, BITMAP_AND_AGG(m) OVER w AS a, BITMAP_XOR_AGG(m) OVER w AS x FROM (SELECT *, BITMAP_BUILD(ARRAY[v, 4]) AS m FROM e) WINDOW w AS (PARTITION BY k ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);
