-- Before entries are chosen, so that choosing sees what the one before let go: relays and dispatchers take turns.
SELECT pg_advisory_xact_lock(4823760013)
