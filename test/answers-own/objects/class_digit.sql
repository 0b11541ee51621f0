-- OBJECT_OF of a name that begins with a digit
SELECT OBJECT_OF('com.1acme', 'a', 1) AS o;
