WITH slices AS (
  SELECT auction, time_bucket(INTERVAL 2 SECOND, "dateTime") AS slice, COUNT(*) AS num FROM bid GROUP BY ALL
), counted AS (
  SELECT auction, slice - place * INTERVAL 2 SECOND AS window_start, SUM(num)::BIGINT AS num
  FROM slices, (VALUES (0), (1), (2), (3), (4)) AS places(place) GROUP BY ALL
), top AS (
  SELECT MAX(num) AS max_num, window_start FROM counted GROUP BY window_start
)
SELECT c.auction, c.num FROM counted AS c JOIN top AS t ON c.window_start = t.window_start AND c.num >= t.max_num
