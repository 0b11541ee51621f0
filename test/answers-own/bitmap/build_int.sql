-- a bitmap of a number
SELECT BITMAP_BUILD(1) AS b;
