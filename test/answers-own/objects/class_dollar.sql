-- OBJECT_OF of a class in a class
SELECT OBJECT_OF('com.acme.User$Inner_1', 'a', 1) AS o;
