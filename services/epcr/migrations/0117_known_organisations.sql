-- The relay reads of which organisations auth has sent an app: all others together have one turn.
SELECT worker_reads_all('apps');
