-- a bitmap of two arrays
SELECT BITMAP_BUILD(ARRAY[1], ARRAY[2]) AS b;
