-- What is left of it are its deliveries and the record of its changes.
DELETE FROM jobledger.webhook_endpoints WHERE id = %(id)s::uuid
