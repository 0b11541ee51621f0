-- OBJECT_OF with NULL of a type
SELECT OBJECT_OF('com.acme.User', 'a', CAST(NULL AS INT), 'b', 1.50, 'c', DATE '2024-01-01', 'd', TRUE) AS o;
