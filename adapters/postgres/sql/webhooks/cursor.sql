-- Asked every second by every relay, so it tells at once whether there is anything to do it for.
SELECT position, EXISTS (SELECT FROM jobledger.webhook_endpoints WHERE status = 'enabled') AS is_heard
FROM jobledger.webhook_cursor
