-- d array
CREATE TABLE j (v VARIANT ARRAY, m MAP<STRING, VARIANT>, n MULTISET<VARIANT>) WITH ('connector' = 'blackhole');
DESCRIBE j;
