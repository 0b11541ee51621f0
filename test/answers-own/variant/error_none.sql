-- error none
SELECT PARSE_JSON() AS c0;
