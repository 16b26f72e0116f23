-- The owner's function is the only way to do it, and does it only for a stream that says so.
SELECT jobledger.erase_payloads(%(job_id)s, %(through_version)s) AS erased
