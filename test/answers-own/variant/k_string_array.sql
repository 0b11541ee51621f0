-- k string array
SELECT CAST(ARRAY['1'] AS ARRAY<VARIANT>) AS c0;
