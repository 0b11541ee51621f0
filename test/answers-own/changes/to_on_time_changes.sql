-- TO_CHANGELOG: on_time of rows that change
CREATE TABLE ct (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '10' SECOND) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_cdct.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(input => TABLE ct, on_time => DESCRIPTOR(ts));
