-- Nothing sealed earlier was recorded since. All before that tick may be passed over.
SELECT coalesce(
    (SELECT first_position - 1 FROM jobledger.ledger_ticks WHERE sealed_at >= %(since)s
        ORDER BY sealed_at, first_position LIMIT 1),
    (SELECT last_position FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1), 0) AS after
