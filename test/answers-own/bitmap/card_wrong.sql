-- how many values bytes have
SELECT BITMAP_CARDINALITY(x'00') AS x;
