SELECT b.auction, b.price, b.bidder, b."dateTime", b.extra
FROM bid AS b JOIN (
  SELECT MAX(price) AS maxprice, time_bucket(INTERVAL 10 SECOND, "dateTime") + INTERVAL 10 SECOND AS wend FROM bid GROUP BY wend
) AS m
ON b.price = m.maxprice AND b."dateTime" BETWEEN m.wend - INTERVAL 10 SECOND AND m.wend
