-- Where to cut: a walk along the primary key that reads no row.
SELECT id FROM jobledger.jobs WHERE id > %(after)s::uuid ORDER BY id OFFSET %(before_it)s LIMIT 1
