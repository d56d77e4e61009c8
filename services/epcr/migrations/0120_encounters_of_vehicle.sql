-- concurrently
-- The encounters of a vehicle, the newest first.
DROP INDEX CONCURRENTLY IF EXISTS encounters_of_vehicle;
CREATE INDEX CONCURRENTLY encounters_of_vehicle ON encounters (tenant_id, vehicle_id, id DESC);
