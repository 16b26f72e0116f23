-- Those that were retired too: what they signed still stands.
SELECT key FROM jobledger.ledger_keys
ORDER BY since DESC, key
