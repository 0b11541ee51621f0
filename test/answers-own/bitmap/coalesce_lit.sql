-- COALESCE of a bitmap of nothing
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT COALESCE(BITMAP_OR_AGG(BITMAP_BUILD(ARRAY[v])), BITMAP_BUILD(ARRAY[0])) AS b FROM l GROUP BY k;
