-- ddl computed
CREATE TABLE j (k INT, s STRING, v AS TRY_PARSE_JSON(s), p AS PARSE_JSON('[1]')[1]) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_variant.jsonl', 'format' = 'json');
SELECT * FROM j;
