-- conv notnull
SELECT CONVERT(INT NOT NULL, '1') AS c0;
