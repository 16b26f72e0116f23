-- The tree that grows, and the last size of it that was signed. A tick that saw transactions of the future came
-- with a logical dump: what is new here cannot be told from what was sealed there (see other_server.py).
SELECT number, origin, first_position,
    coalesce((SELECT max(size) FROM jobledger.ledger_checkpoints WHERE tree = number), 0) AS signed_size,
    coalesce((SELECT pg_snapshot_xmax(seen) > pg_snapshot_xmax(pg_current_snapshot()) FROM jobledger.ledger_ticks
        ORDER BY first_position DESC LIMIT 1), false) AS is_of_another_server
FROM jobledger.ledger_trees
ORDER BY number DESC
LIMIT 1
