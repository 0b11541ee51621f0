-- AND of a bitmap and bytes
SELECT BITMAP_AND(BITMAP_BUILD(ARRAY[1]), x'00') AS x;
