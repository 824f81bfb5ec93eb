"""Settings, addresses, the admin site, scheduled work, and the processes that run all of it."""
