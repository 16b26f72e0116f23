-- At most one in so many seconds, whoever signs; with it go the hashes above the leaves of its tree, so that
-- proofs and a resuming sealer find all of them.
WITH signed AS (
    INSERT INTO jobledger.ledger_checkpoints (tree, size, note)
    SELECT %(tree)s, %(size)s, %(note)s
    WHERE NOT EXISTS (
        SELECT FROM jobledger.ledger_checkpoints
        WHERE tree = %(tree)s AND (size >= %(size)s
            OR signed_at > statement_timestamp() - make_interval(secs => %(apart_seconds)s))
        ORDER BY size DESC LIMIT 1
    )
    ON CONFLICT DO NOTHING
    RETURNING size
), kept AS (
    INSERT INTO jobledger.ledger_nodes (tree, level, index, hash)
    SELECT %(tree)s, level, index, hash
    FROM unnest(%(levels)s::smallint[], %(indexes)s::bigint[], %(hashes)s::bytea[]) AS t (level, index, hash)
    WHERE EXISTS (SELECT FROM signed)
    ON CONFLICT DO NOTHING
)
SELECT size FROM signed
