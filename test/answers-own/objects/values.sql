-- objects in VALUES
SELECT o, x FROM (VALUES (OBJECT_OF('com.acme.User', 'name', 'Bob', 'age', 42), 1), (OBJECT_OF('com.acme.User', 'name', 'Al', 'age', 7), 2)) AS t (o, x);
