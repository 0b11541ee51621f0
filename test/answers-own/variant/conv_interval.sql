-- conv interval
SELECT CONVERT(INTERVAL DAY, 1) AS c0;
