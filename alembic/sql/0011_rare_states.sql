-- Jobs in states that few are in can be found among any number of others. An index whose predicate reads `status`
-- would cost every update its HOT. This column stays NULL, and so unchanged, on the way of a job that waits its turn,
-- runs and completes; a false would take a byte of each row, and a generated column is computed for each update.
ALTER TABLE jobledger.jobs ADD COLUMN is_rare boolean;
UPDATE jobledger.jobs SET is_rare = true WHERE status NOT IN ('pending', 'processing', 'completed');
ALTER TABLE jobledger.jobs ADD CONSTRAINT jobs_rare_when_not_on_the_way CHECK
    (coalesce(is_rare, false) = (status NOT IN ('pending', 'processing', 'completed')));
CREATE INDEX jobs_rare_idx ON jobledger.jobs (id) WHERE is_rare;
CREATE INDEX jobs_rare_by_user_idx ON jobledger.jobs (user_id, id) WHERE is_rare;
-- Ascending, so that bounds can be rows, and pages of the index fill as ids grow.
DROP INDEX jobledger.jobs_by_user_idx;
CREATE INDEX jobs_by_user_idx ON jobledger.jobs (user_id, id);
