"""Settings, telemetry, metrics and connections of a process."""
