SELECT b.auction, b.bidder, b.price, b.`dateTime`, s.`value`
FROM (SELECT *, MOD(auction, 10000) AS place FROM bid) AS b JOIN side AS s ON b.place = s.key
