-- a bitmap of the bytes NULL
SELECT BITMAP_FROM_BYTES(NULL) AS b;
