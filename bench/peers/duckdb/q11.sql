SELECT bidder, COUNT(*) AS bid_count, MIN("dateTime") AS starttime, MAX("dateTime") + INTERVAL 10 SECOND AS endtime
FROM (
  SELECT bidder, "dateTime", SUM(begins) OVER (PARTITION BY bidder ORDER BY "dateTime" ROWS UNBOUNDED PRECEDING) AS session
  FROM (
    SELECT bidder, "dateTime",
      CASE WHEN "dateTime" - LAG("dateTime") OVER (PARTITION BY bidder ORDER BY "dateTime") <= INTERVAL 10 SECOND THEN 0 ELSE 1 END AS begins
    FROM bid
  ) AS gaps
) AS sessions
GROUP BY bidder, session
