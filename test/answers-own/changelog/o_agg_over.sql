-- OVER a plain column, of groups: what is taken back is -D
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, n, SUM(n) OVER (ORDER BY k) AS s FROM (SELECT k, COUNT(*) AS n FROM l GROUP BY k);
