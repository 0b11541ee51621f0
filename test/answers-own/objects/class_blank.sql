-- OBJECT_OF of a name with blanks
SELECT OBJECT_OF('my user', 'name', 1) AS o;
