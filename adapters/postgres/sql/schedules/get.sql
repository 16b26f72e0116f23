-- By primary key.
SELECT * FROM jobledger.schedules WHERE id = %(id)s::uuid
