-- FROM_CHANGELOG: a code twice
CREATE TABLE d (code STRING, id INT, k STRING, v INT, n INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_code.jsonl', 'format' = 'json');
SELECT * FROM FROM_CHANGELOG(input => TABLE d, op => DESCRIPTOR(code), op_mapping => MAP['c, r, d', 'INSERT', 'ub', 'UPDATE_BEFORE', 'ua', 'UPDATE_AFTER', 'd', 'DELETE']);
