-- Whoever begins it first; everybody else finds it.
INSERT INTO jobledger.ledger_trees (number, origin, first_position)
VALUES (%(number)s, %(origin)s, %(first_position)s)
ON CONFLICT DO NOTHING
RETURNING number
