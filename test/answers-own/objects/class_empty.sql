-- OBJECT_OF of an empty name
SELECT OBJECT_OF('', 'name', 1) AS o;
