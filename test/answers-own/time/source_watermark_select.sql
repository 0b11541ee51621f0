-- SOURCE_WATERMARK() where a value stands
SELECT SOURCE_WATERMARK() AS a FROM (VALUES (1)) AS t (x);
