-- ORDER BY a time attribute of rows that change is refused
CREATE TABLE ct (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '3' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_cdct.jsonl', 'format' = 'debezium-json');
SELECT id, ts FROM ct ORDER BY ts;
