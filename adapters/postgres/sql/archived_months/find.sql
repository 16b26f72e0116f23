-- By primary key.
SELECT * FROM jobledger.archived_months WHERE month = %(month)s
