-- a bitmap of a text
SELECT BITMAP_FROM_BYTES('abc') AS b;
