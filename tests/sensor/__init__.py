"""The sensor, on real stores."""
