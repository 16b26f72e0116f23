-- In the transaction that takes the month away.
INSERT INTO jobledger.archived_months (month, file, sha256, jobs, events, archived_at)
VALUES (%(month)s, %(file)s, %(sha256)s, %(jobs)s, %(events)s, %(archived_at)s)
