-- Within a transaction that holds `jobs` alone. What LIKE had to name anew gets its old name, found by its
-- definition, once the table that bears it is gone.
DO $swap$
DECLARE
    renaming text[];
    command text;
BEGIN
    WITH named AS (
        SELECT i.indrelid = 'jobledger.jobs'::regclass AS is_live, c.relname AS name,
            replace(pg_get_indexdef(i.indexrelid),
                format(' INDEX %I ON %s ', c.relname, i.indrelid::regclass), ' ') AS definition
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid IN ('jobledger.jobs'::regclass, 'jobledger.jobs_beside'::regclass)
    ), constrained AS (
        SELECT conrelid = 'jobledger.jobs'::regclass AS is_live, conname AS name,
            contype::text || pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE conrelid IN ('jobledger.jobs'::regclass, 'jobledger.jobs_beside'::regclass) AND conindid = 0
    )
    SELECT array_agg(words) INTO renaming FROM (
        SELECT format('ALTER INDEX jobledger.%I RENAME TO %I', b.name, l.name) AS words
        FROM named AS l JOIN named AS b USING (definition) WHERE l.is_live AND NOT b.is_live
        UNION ALL
        SELECT format('ALTER TABLE jobledger.jobs RENAME CONSTRAINT %I TO %I', b.name, l.name)
        FROM constrained AS l JOIN constrained AS b USING (definition)
        WHERE l.is_live AND NOT b.is_live AND l.name <> b.name
    ) AS renamings;
    DROP TABLE jobledger.jobs;
    ALTER TABLE jobledger.jobs_beside RENAME TO jobs;
    FOREACH command IN ARRAY renaming LOOP
        EXECUTE command;
    END LOOP;
END
$swap$
