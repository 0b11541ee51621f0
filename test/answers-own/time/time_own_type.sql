-- a TIME with digits of an interval, cast to its own type
SELECT CAST((t - INTERVAL '0.001' SECOND) AS TIME(0)) AS a, CAST((t - INTERVAL '0.001' SECOND) AS STRING) AS b, CAST(CAST((t - INTERVAL '0.001' SECOND) AS TIME(0)) AS STRING) AS c FROM (VALUES (TIME '10:00:00')) AS v(t);
