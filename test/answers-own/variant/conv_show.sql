-- conv show
CREATE TABLE j (k INT, w AS CONVERT(VARCHAR(3), k)) WITH ('connector' = 'filesystem', 'path' = '/data/x', 'format' = 'json');
SHOW CREATE TABLE j;
