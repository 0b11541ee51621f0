-- how many values NULL has
SELECT BITMAP_CARDINALITY(NULL) AS b;
