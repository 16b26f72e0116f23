-- From a position on, a tick at a time: its hashes lie together.
SELECT first_position, hashes FROM jobledger.ledger_ticks
WHERE first_position >= (
    SELECT coalesce(max(first_position), 1) FROM jobledger.ledger_ticks WHERE first_position <= %(after)s + 1
)
ORDER BY first_position
LIMIT %(ticks)s
