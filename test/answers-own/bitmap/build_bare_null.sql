-- a bitmap of a NULL without a type
SELECT BITMAP_BUILD(NULL) AS b;
