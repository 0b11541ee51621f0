-- AND, OR, XOR of bitmaps that may be NULL in batch
-- mode: batch
SET 'table.exec.disabled-operators' = 'HashAgg';
CREATE TABLE l (id INT, k STRING, v INT, s STRING) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_l.jsonl', 'format' = 'json');
SELECT k, BITMAP_AND_AGG(b) AS a, BITMAP_OR_AGG(b) AS o, BITMAP_XOR_AGG(b) AS x, BITMAP_AND_CARDINALITY_AGG(b) AS ac, BITMAP_OR_CARDINALITY_AGG(b) AS oc, BITMAP_XOR_CARDINALITY_AGG(b) AS xc FROM (SELECT l.k, BITMAP_BUILD(r.a) AS b FROM l LEFT JOIN (SELECT id AS i, ARRAY[v, id] AS a FROM l WHERE v IN (5, 8)) r ON l.id = r.i) GROUP BY k;
