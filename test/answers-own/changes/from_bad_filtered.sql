-- FROM_CHANGELOG: a condition in front of it does
CREATE TABLE d (code STRING, id INT, k STRING, v INT, n INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_bad.jsonl', 'format' = 'json');
SELECT * FROM FROM_CHANGELOG(input => (SELECT * FROM d WHERE id = 1), op => DESCRIPTOR(code), op_mapping => MAP['c, r', 'INSERT', 'ub', 'UPDATE_BEFORE', 'ua', 'UPDATE_AFTER', 'd', 'DELETE']);
