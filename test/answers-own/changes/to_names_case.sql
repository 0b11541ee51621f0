-- TO_CHANGELOG: names of arguments in capitals
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM To_Changelog(INPUT => TABLE c, Op => DESCRIPTOR(x));
