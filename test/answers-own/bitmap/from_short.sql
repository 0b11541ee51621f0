-- a bitmap of too few bytes
SELECT BITMAP_FROM_BYTES(x'3a3000000100') AS b;
