-- FROM_CHANGELOG: only rows that come
CREATE TABLE d (code STRING, id INT, k STRING, v INT, n INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_code.jsonl', 'format' = 'json');
SELECT * FROM FROM_CHANGELOG(input => (SELECT * FROM d WHERE code = 'c'), op => DESCRIPTOR(code), op_mapping => MAP['c', 'INSERT', 'x', 'UPDATE_BEFORE']);
