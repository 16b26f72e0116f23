-- Entries from before anything was limited, one page in the order of their places: whoever writes an entry says whose
-- it is only where that matters, and one that was being written meanwhile is found by the next pass. No index tells
-- which have no share, because then each job would pay for it: so many blocks of the table are looked through a time.
WITH page AS MATERIALIZED (
    SELECT o.ctid AS place, o.job_id FROM jobledger.outbox AS o
    WHERE o.ctid > %(after)s::tid AND o.ctid < %(until)s::tid AND o.share IS NULL
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
SELECT (SELECT place::text FROM page ORDER BY place OFFSET %(limit)s - 1 LIMIT 1) AS cut_at,
    pg_relation_size('jobledger.outbox') <= %(until_block)s * current_setting('block_size')::bigint AS is_end
