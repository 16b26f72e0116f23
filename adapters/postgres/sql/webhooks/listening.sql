-- Of the users whose events are at hand, along their index.
SELECT * FROM jobledger.webhook_endpoints
WHERE user_id = ANY (%(user_ids)s::text[]) AND status = 'enabled'
ORDER BY id
