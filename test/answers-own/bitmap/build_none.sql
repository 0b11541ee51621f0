-- a bitmap of nothing
SELECT BITMAP_BUILD() AS b;
