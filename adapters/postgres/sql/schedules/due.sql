-- Along an index that holds only what will come due; asked every second by every relay.
SELECT * FROM jobledger.schedules WHERE next_at <= %(at)s ORDER BY next_at, id LIMIT %(limit)s
