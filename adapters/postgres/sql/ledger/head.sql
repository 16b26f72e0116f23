-- Of the newest tree only: what an older one signed is another history's.
SELECT t.number, t.first_position, c.note
FROM (SELECT number, first_position FROM jobledger.ledger_trees ORDER BY number DESC LIMIT 1) AS t
CROSS JOIN LATERAL (
    SELECT note FROM jobledger.ledger_checkpoints WHERE tree = t.number ORDER BY size DESC LIMIT 1
) AS c
