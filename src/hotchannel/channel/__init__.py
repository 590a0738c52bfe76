"""Who hears it: clients, listeners, journal."""
