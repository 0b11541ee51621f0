-- The main job in SQL: three million US flights of 2001 in hourly windows by airport. Which airports had the worst hours?
--   millrace run examples/flights/flights.sql
CREATE TABLE flights (`date` TIMESTAMP(3), delay INT, origin STRING, WATERMARK FOR `date` AS `date` - INTERVAL '0.001' SECOND)
WITH ('connector' = 'filesystem', 'path' = 'node_modules/vega-datasets/data/flights-3m.parquet', 'format' = 'parquet');

CREATE TABLE airports (iata STRING, name STRING, city STRING)
WITH ('connector' = 'filesystem', 'path' = 'node_modules/vega-datasets/data/airports.csv', 'format' = 'csv', 'csv.header' = 'true');

CREATE TABLE airport_hours
(origin STRING, airport STRING, city STRING, window_start TIMESTAMP(3), flights BIGINT, mean_delay DOUBLE, share_late DOUBLE)
WITH ('connector' = 'filesystem', 'path' = '.millrace/airport-hours-sql.jsonl', 'format' = 'json');

CREATE TABLE ten_worst (`hour` STRING, airport STRING, city STRING, flights BIGINT, minutes_late BIGINT, percent_late BIGINT)
WITH ('connector' = 'print');

CREATE VIEW named AS
SELECT origin, name AS airport, city, window_start, flights, mean_delay, share_late
FROM (
  SELECT origin, window_start, COUNT(*) AS flights, AVG(CAST(delay AS DOUBLE)) AS mean_delay,
    AVG(CASE WHEN delay > 15 THEN 1.0E0 ELSE 0.0E0 END) AS share_late
  FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(`date`), INTERVAL '1' HOUR))
  GROUP BY origin, window_start, window_end
) JOIN airports ON origin = iata;

EXECUTE STATEMENT SET BEGIN
INSERT INTO airport_hours SELECT * FROM named;
INSERT INTO ten_worst
SELECT DATE_FORMAT(window_start, 'yyyy-MM-dd HH') || 'h', airport, city, flights, CAST(ROUND(mean_delay) AS BIGINT), CAST(ROUND(share_late * 100) AS BIGINT)
FROM named WHERE flights >= 10 ORDER BY mean_delay DESC LIMIT 10;
END;
