-- CAST of a bitmap that may be NULL to BYTES
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT CAST(BITMAP_BUILD_AGG(v) AS BYTES) AS b FROM l GROUP BY k;
