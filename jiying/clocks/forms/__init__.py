"""What people type about calendars and standards, read into document bodies. Checks stay with the services."""
