"""An organisation reads its own entries of a service's audit trail, takes signed exports of them, and sees the result of the last check."""
