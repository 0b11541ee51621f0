-- x rlike
CREATE TABLE u (a INT, b STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant_u.jsonl', 'format' = 'json');
SELECT b RLIKE 'a+' AS x FROM u;
