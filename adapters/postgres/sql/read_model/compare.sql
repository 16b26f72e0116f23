-- One bucket: the next ids of either table, each table's rows as a count and a sum of hashes.
WITH ids AS MATERIALIZED (
    SELECT id FROM (
        (SELECT id FROM jobledger.jobs WHERE id > %(after)s::uuid ORDER BY id LIMIT %(limit)s)
        UNION
        (SELECT id FROM jobledger.jobs_beside WHERE id > %(after)s::uuid ORDER BY id LIMIT %(limit)s)
    ) AS both_tables ORDER BY id LIMIT %(limit)s
), bucket AS (
    SELECT count(*) AS size, max(id::text)::uuid AS last FROM ids
)
SELECT size, last::text,
    (SELECT ROW(count(*), sum(hashtextextended(j::text, 0))) FROM jobledger.jobs AS j
        WHERE id > %(after)s::uuid AND id <= last)
    IS DISTINCT FROM
    (SELECT ROW(count(*), sum(hashtextextended(j::text, 0))) FROM jobledger.jobs_beside AS j
        WHERE id > %(after)s::uuid AND id <= last) AS differs
FROM bucket
