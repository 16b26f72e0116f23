-- By primary key.
SELECT * FROM jobledger.webhook_endpoints WHERE id = %(id)s::uuid
