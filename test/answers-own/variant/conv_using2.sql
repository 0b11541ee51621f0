-- conv using2
SELECT CONVERT('a', utf8, utf16) AS c0;
