-- STRUCTURED of a name with blanks
SELECT CAST(NULL AS STRUCTURED<'my user', a INT>) AS o;
