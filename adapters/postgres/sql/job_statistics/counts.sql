-- A handful of rows: one for each job type and status that this user, or everybody, has or had.
SELECT job_type, status, jobs FROM jobledger.job_counts WHERE user_id = %(user_id)s AND jobs > 0
