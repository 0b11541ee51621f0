-- The main job in SQL: three million US flights of 2001 in hourly windows by airport. Which airports had the worst hours?
--   millrace run examples/flights/flights.sql      (from the folder that holds node_modules)
SET 'execution.runtime-mode' = 'batch';

CREATE TABLE flights (`date` TIMESTAMP(3), delay INT, origin STRING, WATERMARK FOR `date` AS `date`)
WITH ('connector' = 'filesystem', 'path' = 'node_modules/vega-datasets/data/flights-3m.parquet', 'format' = 'parquet');

CREATE TABLE airports (iata STRING, name STRING, city STRING)
WITH ('connector' = 'filesystem', 'path' = 'node_modules/vega-datasets/data/airports.csv', 'format' = 'csv', 'csv.header' = 'true');

CREATE TABLE airport_hours
(origin STRING, airport STRING, city STRING, windowStart TIMESTAMP(3), flights BIGINT, meanDelay DOUBLE, shareLate DOUBLE)
WITH ('connector' = 'filesystem', 'path' = '.millrace/airport-hours/', 'format' = 'json');

CREATE TABLE ten_worst (line STRING) WITH ('connector' = 'print');

CREATE VIEW hourly AS
SELECT origin, window_start AS windowStart, COUNT(*) AS flights, AVG(CAST(delay AS DOUBLE)) AS meanDelay, AVG(IF(delay > 15, 1E0, 0E0)) AS shareLate
FROM TUMBLE(TABLE flights, DESCRIPTOR(`date`), INTERVAL '1' HOUR)
GROUP BY origin, window_start, window_end;

CREATE VIEW named AS
SELECT origin, name AS airport, city, windowStart, flights, meanDelay, shareLate FROM hourly JOIN airports ON origin = iata;

EXECUTE STATEMENT SET BEGIN
  INSERT INTO airport_hours SELECT * FROM named;

  INSERT INTO ten_worst
  SELECT DATE_FORMAT(windowStart, 'yyyy-MM-dd HH') || 'h  ' || airport || ', ' || city || ': ' || CAST(flights AS STRING) || ' flights, '
    || CAST(CAST(ROUND(meanDelay) AS INT) AS STRING) || ' min late on average, '
    || CAST(CAST(ROUND(shareLate * 100) AS INT) AS STRING) || ' % more than 15 min late'
  FROM named WHERE flights >= 10 ORDER BY meanDelay DESC LIMIT 10;
END;
