-- The tree that grows, and the last size of it that was signed.
SELECT number, origin, first_position,
    coalesce((SELECT max(size) FROM jobledger.ledger_checkpoints WHERE tree = number), 0) AS signed_size
FROM jobledger.ledger_trees
ORDER BY number DESC
LIMIT 1
