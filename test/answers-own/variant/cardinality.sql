-- cardinality
SELECT CARDINALITY(PARSE_JSON('[1]')) AS c0;
