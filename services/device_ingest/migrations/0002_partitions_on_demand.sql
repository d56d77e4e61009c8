-- The first to write on a day makes its partitions, should no relay have.
GRANT EXECUTE ON FUNCTION ensure_partitions_around_today(regclass) TO {{app}};
