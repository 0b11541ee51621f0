-- OBJECT_OF with NULL
SELECT OBJECT_OF('com.acme.User', 'a', NULL) AS o;
