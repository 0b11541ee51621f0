SELECT seller, SUM(final) // COUNT(final) AS avg_final
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY seller ORDER BY expires DESC, id DESC) AS place
  FROM (
    SELECT a.id, a.seller, a.expires, MAX(b.price) AS final
    FROM auction AS a JOIN bid AS b ON a.id = b.auction AND b."dateTime" BETWEEN a."dateTime" AND a.expires
    GROUP BY a.id, a.seller, a.expires
  ) AS winning
) AS ranked
WHERE place <= 11 GROUP BY seller
