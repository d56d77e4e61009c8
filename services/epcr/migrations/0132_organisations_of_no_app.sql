DROP POLICY worker_reads_all ON apps;
