-- The end of the key.
SELECT coalesce(max(last_position), 0) AS position FROM (
    SELECT last_position FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1
) AS last
