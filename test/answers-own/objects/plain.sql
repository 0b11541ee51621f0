-- OBJECT_OF of constants
SELECT OBJECT_OF('com.acme.User', 'name', 'Bob', 'age', 42) AS o;
