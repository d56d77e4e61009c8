-- An act of an operator is the row that the web process writes down: action, subject, reason and person. The relay carries it out.
DROP TRIGGER bound_operator_acts ON operator_acts;
DROP FUNCTION public.bound_operator_acts();
ALTER TABLE operator_acts DROP COLUMN identity, DROP COLUMN request, DROP COLUMN statement_id, DROP COLUMN written_in;
REVOKE SELECT, INSERT ON operator_acts FROM {{app}};
GRANT SELECT, INSERT ON operator_acts TO {{app}};
