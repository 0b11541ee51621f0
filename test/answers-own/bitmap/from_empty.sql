-- a bitmap of no bytes
SELECT BITMAP_FROM_BYTES(x'') AS b;
