SELECT category, SUM(final_price) // COUNT(final_price) AS avg_price
FROM (
  SELECT MAX(b.price) AS final_price, a.category
  FROM auction AS a, bid AS b
  WHERE a.id = b.auction AND b."dateTime" BETWEEN a."dateTime" AND a.expires
  GROUP BY a.id, a.category
) AS winning
GROUP BY category
