-- FROM_CHANGELOG of a query in parentheses
CREATE TABLE d (code STRING, id INT, k STRING, v INT, n INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_code.jsonl', 'format' = 'json');
SELECT id FROM FROM_CHANGELOG(input => (SELECT * FROM d), op => DESCRIPTOR(code), op_mapping => MAP['c, r', 'INSERT', 'ub', 'UPDATE_BEFORE', 'ua', 'UPDATE_AFTER', 'd', 'DELETE']);
