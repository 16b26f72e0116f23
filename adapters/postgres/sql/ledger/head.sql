-- Without a number the newest tree: what an older one signed is another history's from where that ended on.
SELECT t.number, t.first_position, c.note
FROM (
    SELECT number, first_position
    FROM jobledger.ledger_trees
    WHERE number = %(tree)s OR %(tree)s::integer IS NULL
    ORDER BY number DESC
    LIMIT 1
) AS t
CROSS JOIN LATERAL (
    SELECT note FROM jobledger.ledger_checkpoints WHERE tree = t.number ORDER BY size DESC LIMIT 1
) AS c
