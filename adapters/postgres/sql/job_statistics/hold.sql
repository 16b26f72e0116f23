-- One counter at a time; whoever comes second has nothing to do. Apart from the counting, whose snapshot must
-- be younger than the lock.
SELECT seen::text AS seen FROM jobledger.statistics_cursor FOR UPDATE SKIP LOCKED
