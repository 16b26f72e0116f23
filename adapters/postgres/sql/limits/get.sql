-- By primary key.
SELECT * FROM jobledger.limits WHERE kind = %(kind)s AND user_id = %(user_id)s AND name = %(name)s
