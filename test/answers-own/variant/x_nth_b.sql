-- x nth b
-- mode: batch
CREATE TABLE u (a INT, b STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant_u.jsonl', 'format' = 'json');
SELECT NTH_VALUE(a, 2) OVER (PARTITION BY b ORDER BY ts) AS x FROM u;
