-- OR of numbers
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT BITMAP_OR_AGG(v) AS a FROM l;
