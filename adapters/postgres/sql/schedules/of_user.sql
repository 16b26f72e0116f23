-- Along the index of the user's schedules; ids are UUIDv7, so their order is that of creation.
SELECT * FROM jobledger.schedules WHERE user_id = %(user_id)s AND NOT is_removed ORDER BY id
