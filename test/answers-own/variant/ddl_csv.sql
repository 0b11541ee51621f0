-- ddl csv
CREATE TABLE j (k INT, v VARIANT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant_json.jsonl', 'format' = 'csv');
SELECT * FROM j;
