-- the last row by processing time: an equal row changes nothing
CREATE TABLE pt (id INT, k STRING, v INT, p AS PROCTIME()) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY p DESC) AS rn FROM pt) WHERE rn = 1;
