-- Whether anything is limited or paused: one look into an index that is nearly always empty.
SELECT EXISTS (SELECT FROM jobledger.limits WHERE is_active) AS is_limited
