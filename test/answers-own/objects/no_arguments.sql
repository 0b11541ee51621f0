-- OBJECT_OF without arguments
SELECT OBJECT_OF() AS o;
