-- Along the index of the user's endpoints; ids are UUIDv7, so their order is that of creation.
SELECT * FROM jobledger.webhook_endpoints WHERE user_id = %(user_id)s ORDER BY id
