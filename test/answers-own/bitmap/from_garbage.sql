-- a bitmap of bytes that are none
SELECT BITMAP_FROM_BYTES(x'00112233445566778899') AS b;
