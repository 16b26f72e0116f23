-- Entries from before anything was limited, one page in the order of their places: whoever writes an entry says whose
-- it is only where that matters, and one that was being written meanwhile is found by the next pass.
WITH page AS MATERIALIZED (
    SELECT o.ctid AS place, o.job_id FROM jobledger.outbox AS o
    WHERE o.ctid > %(after)s::tid AND o.share IS NULL
    ORDER BY o.ctid
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), shared AS (
    UPDATE jobledger.outbox AS o
    SET share = ARRAY[j.job_type, j.user_id, coalesce(j.details ->> 'group_key', '')]
    FROM page AS p
    JOIN jobledger.jobs AS j ON j.id = p.job_id
    WHERE o.ctid = ANY (ARRAY(SELECT place FROM page)) AND o.ctid = p.place
)
SELECT place::text AS last FROM page ORDER BY place DESC LIMIT 1
