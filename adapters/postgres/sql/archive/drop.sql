-- Only what was detached and remembered, and only once.
SELECT jobledger.drop_archived_month(%(month)s)
