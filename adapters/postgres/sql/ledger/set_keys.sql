-- What was added and what was retired, each in one row; nothing where the keys in use are these already.
WITH added AS (
    INSERT INTO jobledger.ledger_keys (key)
    SELECT key FROM unnest(%(keys)s::text[]) AS key
    ON CONFLICT (key) DO UPDATE SET until = NULL, since = statement_timestamp()
    WHERE ledger_keys.until IS NOT NULL
    RETURNING key
), retired AS (
    UPDATE jobledger.ledger_keys SET until = statement_timestamp()
    WHERE until IS NULL AND key <> ALL (%(keys)s::text[])
    RETURNING key
)
SELECT key, true AS is_added FROM added UNION ALL SELECT key, false FROM retired
