-- a bitmap of an array of texts
SELECT BITMAP_BUILD(ARRAY['1']) AS b;
