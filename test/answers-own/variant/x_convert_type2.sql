-- x convert type2
CREATE TABLE u (a INT, b STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant_u.jsonl', 'format' = 'json');
SELECT CONVERT(b, INTEGER) AS x FROM u;
