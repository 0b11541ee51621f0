-- a bitmap of an array of BIGINT
SELECT BITMAP_BUILD(ARRAY[CAST(1 AS BIGINT), 2]) AS b;
