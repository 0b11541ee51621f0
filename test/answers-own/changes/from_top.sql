-- FROM_CHANGELOG, then Top-N
CREATE TABLE d (code STRING, id INT, k STRING, v INT, n INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_code.jsonl', 'format' = 'json');
SELECT id, k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS r FROM FROM_CHANGELOG(input => TABLE d, op => DESCRIPTOR(code), op_mapping => MAP['c, r', 'INSERT', 'ub', 'UPDATE_BEFORE', 'ua', 'UPDATE_AFTER', 'd', 'DELETE'])) WHERE r <= 1;
