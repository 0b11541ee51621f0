-- what two bitmaps have in common and what not
SELECT BITMAP_AND(a, b) AS x, BITMAP_OR(a, b) AS y, BITMAP_XOR(a, b) AS z, BITMAP_ANDNOT(a, b) AS w, BITMAP_CARDINALITY(BITMAP_AND(a, BITMAP_XOR(a, b))) AS n FROM (SELECT BITMAP_BUILD(ARRAY[1, 2, -5, 70000]) AS a, BITMAP_BUILD(ARRAY[2, 3, -5]) AS b);
