-- In one statement, so that nobody sees half of it; the cursor's row is what counters wait for.
WITH held AS (
    UPDATE jobledger.statistics_cursor SET seen = '1:1:' RETURNING seen
), counts AS (DELETE FROM jobledger.job_counts), rates AS (DELETE FROM jobledger.job_rates)
SELECT seen::text FROM held
