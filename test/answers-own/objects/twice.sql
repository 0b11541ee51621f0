-- OBJECT_OF with a field twice
SELECT OBJECT_OF('com.acme.User', 'name', 1, 'name', 2) AS o;
