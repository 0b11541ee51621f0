-- TO_CHANGELOG: uid
CREATE TABLE c (id INT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '${DATA}/own_c.jsonl', 'format' = 'debezium-json');
SELECT * FROM TO_CHANGELOG(input => TABLE c, uid => 'my-uid');
