-- Only from where it was seen: of several relays that handed over the same events, one moves it.
UPDATE jobledger.webhook_cursor SET position = %(to)s WHERE position = %(after)s RETURNING position
