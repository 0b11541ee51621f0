-- ddl raw
CREATE TABLE j (v VARIANT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant_json.jsonl', 'format' = 'raw');
SELECT * FROM j;
