-- OBJECT_OF with a number for a field
SELECT OBJECT_OF('com.acme.User', 1, 1) AS o;
