-- objects of rows that change
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT k, LAST_VALUE(o) AS l FROM (SELECT k, OBJECT_OF('A', 'v', v) AS o FROM c) GROUP BY k;
