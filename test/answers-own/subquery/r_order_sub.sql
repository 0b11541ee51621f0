-- ORDER BY in a subquery is no concern
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, COUNT(*) AS n FROM (SELECT * FROM l ORDER BY v) GROUP BY k;
