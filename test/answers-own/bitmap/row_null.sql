-- a row and a map whose bitmap is NULL
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT ROW(BITMAP_BUILD(CAST(NULL AS ARRAY<INT>)), id) AS r, MAP[id, BITMAP_BUILD(CAST(NULL AS ARRAY<INT>))] AS m FROM l;
