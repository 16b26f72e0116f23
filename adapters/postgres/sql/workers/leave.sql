-- Who leaves in good order is seen to be gone at once.
DELETE FROM jobledger.workers WHERE worker_id = %(worker_id)s
