-- conv array
SELECT CONVERT(ARRAY<INT>, ARRAY['1']) AS c0;
