-- try cast string
SELECT TRY_CAST(PARSE_JSON('1') AS STRING) AS c0;
