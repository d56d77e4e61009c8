"""Settings, logs, traces, metrics, clocks and connections of a process."""
