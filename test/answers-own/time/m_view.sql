-- a temporal join with a view of last rows
CREATE TABLE r (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_r.jsonl', 'format' = 'json');
CREATE TABLE o (id INT, c STRING, n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' HOUR) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_o.jsonl', 'format' = 'json');
CREATE TABLE vv (c STRING, r INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' HOUR) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_v.jsonl', 'format' = 'json');
CREATE VIEW vw AS SELECT c, r, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY c ORDER BY ts DESC) AS rn FROM vv) WHERE rn = 1;
SELECT o.id, vw.r FROM o LEFT JOIN vw FOR SYSTEM_TIME AS OF o.ts ON o.c = vw.c;
