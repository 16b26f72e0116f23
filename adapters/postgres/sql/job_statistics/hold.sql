-- One counter at a time; whoever comes second has nothing to do. Apart from the counting, whose snapshot must
-- be younger than the lock. The memory is for the counting's sorting, and for no longer.
SELECT seen::text AS seen, set_config('work_mem', '32MB', true)
FROM jobledger.statistics_cursor FOR UPDATE SKIP LOCKED
