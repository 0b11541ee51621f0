-- OBJECT_OF of a number
SELECT OBJECT_OF(1, 'name', 1) AS o;
