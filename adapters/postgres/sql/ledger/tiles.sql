-- Leaves lie in ticks, which begin and end anywhere; higher hashes in rows of their own.
SELECT wanted.level, wanted.index, wanted.width, found.hashes
FROM unnest(%(levels)s::integer[], %(indexes)s::bigint[], %(widths)s::integer[]) AS wanted (level, index, width)
CROSS JOIN LATERAL (
    SELECT first_position + 256 * wanted.index AS first, first_position + 256 * wanted.index + wanted.width - 1 AS last
    FROM jobledger.ledger_trees WHERE number = %(tree)s
) AS place
CROSS JOIN LATERAL (
    SELECT string_agg(substring(t.hashes
            FROM (32 * (greatest(place.first, t.first_position) - t.first_position))::integer + 1
            FOR (32 * (least(place.last, t.last_position) - greatest(place.first, t.first_position) + 1))::integer),
        ''::bytea ORDER BY t.first_position) AS hashes
    FROM jobledger.ledger_ticks AS t
    WHERE wanted.level = 0 AND t.first_position <= place.last AND t.last_position >= place.first
        AND t.first_position >= (
            SELECT max(first_position) FROM jobledger.ledger_ticks WHERE first_position <= place.first)
    UNION ALL
    SELECT string_agg(n.hash, ''::bytea ORDER BY n.index)
    FROM jobledger.ledger_nodes AS n
    WHERE wanted.level > 0 AND n.tree = %(tree)s AND n.level = wanted.level
        AND n.index BETWEEN 256 * wanted.index AND 256 * wanted.index + wanted.width - 1
) AS found
WHERE octet_length(found.hashes) = 32 * wanted.width
