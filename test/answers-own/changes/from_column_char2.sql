-- FROM_CHANGELOG: a column of CHAR(2)
CREATE TABLE d (code STRING, id INT, k STRING, v INT, n INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_code.jsonl', 'format' = 'json');
SELECT * FROM FROM_CHANGELOG(input => (SELECT CAST(code AS CHAR(1)) AS code, id FROM d WHERE code = 'c'), op => DESCRIPTOR(code), op_mapping => MAP['c', 'INSERT', 'x', 'UPDATE_BEFORE']);
