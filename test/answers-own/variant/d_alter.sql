-- d alter
CREATE TABLE j (k INT) WITH ('connector' = 'blackhole');
ALTER TABLE j ADD v VARIANT;
DESCRIBE j;
