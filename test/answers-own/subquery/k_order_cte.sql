-- ORDER BY in WITH is no concern
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
WITH q AS (SELECT * FROM l ORDER BY v) SELECT id FROM q;
