-- FROM_CHANGELOG: columns that are not NULL
SELECT * FROM FROM_CHANGELOG(input => (SELECT * FROM (VALUES ('c', 1, 'a'), ('ub', 1, 'a'), ('ua', 1, 'bb')) AS t (code, id, s)), op => DESCRIPTOR(code), op_mapping => MAP['c, r', 'INSERT', 'ub', 'UPDATE_BEFORE', 'ua', 'UPDATE_AFTER', 'd', 'DELETE']);
