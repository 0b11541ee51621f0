-- big key order
SELECT PARSE_JSON('{"b":1,"a":{"z":1,"y":2},"c":[{"q":1,"p":2}]}') AS v;
