"""The audit trail: entries of all services by time, one entry, signed exports, and whether the trail holds."""
