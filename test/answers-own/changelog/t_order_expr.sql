-- the first groups by COUNT, then by key: rows are replaced
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, COUNT(*) AS n FROM l GROUP BY k ORDER BY COUNT(*) DESC, k LIMIT 2;
