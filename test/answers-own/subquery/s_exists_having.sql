-- IN a query, of an aggregate, in HAVING
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
SELECT k, COUNT(*) AS n FROM l GROUP BY k HAVING COUNT(*) IN (SELECT CAST(id - 10 AS BIGINT) FROM r);
