-- a constant IN a query
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
SELECT id, 5 IN (SELECT CARDINALITY(ARRAY[id]) FROM r WHERE id > 99) AS x FROM l;
