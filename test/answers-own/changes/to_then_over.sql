-- TO_CHANGELOG, then OVER a time attribute
CREATE TABLE ct (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '10' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_cdct.jsonl', 'format' = 'debezium-json');
SELECT id, op, LAG(v) OVER (PARTITION BY id ORDER BY ts) AS p FROM TO_CHANGELOG(input => TABLE ct);
