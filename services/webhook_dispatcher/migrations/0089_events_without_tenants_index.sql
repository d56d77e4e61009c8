-- A filter is tried on events of the log, by its index of kinds. No statement reads events by their tenant any more.
DROP INDEX IF EXISTS events_of_tenant;
