-- TO_CHANGELOG: processing time
CREATE TABLE e (id INT, pt AS PROCTIME()) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_e.jsonl', 'format' = 'json');
CREATE VIEW x AS SELECT op, id, pt FROM TO_CHANGELOG(input => TABLE e);
DESCRIBE x;
