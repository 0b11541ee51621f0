-- OBJECT_OF without a value
SELECT OBJECT_OF('com.acme.User', 'name') AS o;
