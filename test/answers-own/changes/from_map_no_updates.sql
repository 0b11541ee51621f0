-- FROM_CHANGELOG: no updates
CREATE TABLE d (code STRING, id INT, k STRING, v INT, n INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_code.jsonl', 'format' = 'json');
SELECT * FROM FROM_CHANGELOG(input => (SELECT * FROM d WHERE code IN ('c', 'r', 'd')), op => DESCRIPTOR(code), op_mapping => MAP['c, r', 'INSERT', 'd', 'DELETE']);
