-- bitmaps of rows around a row in batch
-- mode: batch
CREATE TABLE e (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
SELECT id, k, BITMAP_BUILD_AGG(v) OVER w AS b, BITMAP_OR_AGG(BITMAP_BUILD(ARRAY[id])) OVER w AS o FROM e WINDOW w AS (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING);
