-- FROM_CHANGELOG: a change twice
CREATE TABLE d (code STRING, id INT, k STRING, v INT, n INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_code.jsonl', 'format' = 'json');
SELECT * FROM FROM_CHANGELOG(input => TABLE d, op => DESCRIPTOR(code), op_mapping => MAP['c', 'INSERT', 'r', 'INSERT', 'ub', 'UPDATE_BEFORE', 'ua', 'UPDATE_AFTER', 'd', 'DELETE']);
