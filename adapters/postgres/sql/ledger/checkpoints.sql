-- By the primary key.
SELECT note FROM jobledger.ledger_checkpoints
WHERE tree = %(tree)s AND size > %(above)s AND size <= %(through)s
ORDER BY size
LIMIT %(limit)s
