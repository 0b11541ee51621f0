-- TO_CHANGELOG: some columns and a condition
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT v + 1 AS w, LOWER(op) AS o FROM TO_CHANGELOG(input => TABLE c) WHERE op <> 'UPDATE_BEFORE' AND k = 'a';
