-- A table like `jobs` in everything, taken from the catalogue, so that `jobs` is defined in one place: columns,
-- constraints and indexes by LIKE; storage parameters, owner, grants, row security, triggers and comment by hand,
-- because LIKE leaves them out.
DO $make$
DECLARE
    live constant regclass := 'jobledger.jobs';
    beside regclass;
    kind pg_class;
    item record;
BEGIN
    DROP TABLE IF EXISTS jobledger.jobs_beside;
    CREATE TABLE jobledger.jobs_beside (LIKE jobledger.jobs INCLUDING ALL);
    beside := 'jobledger.jobs_beside';
    SELECT * INTO kind FROM pg_class WHERE oid = live;
    IF kind.reloptions IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s SET (%s)', beside, array_to_string(kind.reloptions, ', '));
    END IF;
    EXECUTE format('ALTER TABLE %s OWNER TO %I', beside, pg_get_userbyid(kind.relowner));
    EXECUTE format('COMMENT ON TABLE %s IS %L', beside, obj_description(live, 'pg_class'));
    FOR item IN
        SELECT DISTINCT grantee FROM pg_class, aclexplode(relacl) WHERE oid = beside AND grantee <> relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', beside,
            CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(item.grantee)) END);
    END LOOP;
    FOR item IN
        SELECT acl.*, NULL AS column_name FROM pg_class, aclexplode(relacl) AS acl WHERE oid = live
        UNION ALL
        SELECT acl.*, attname FROM pg_attribute, aclexplode(attacl) AS acl WHERE attrelid = live
    LOOP
        EXECUTE format('GRANT %s %s ON %s TO %s %s', item.privilege_type,
            CASE WHEN item.column_name IS NOT NULL THEN format('(%I)', item.column_name) END, beside,
            CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(item.grantee)) END,
            CASE WHEN item.is_grantable THEN 'WITH GRANT OPTION' END);
    END LOOP;
    IF kind.relrowsecurity THEN
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', beside);
    END IF;
    IF kind.relforcerowsecurity THEN
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', beside);
    END IF;
    FOR item IN SELECT * FROM pg_policies WHERE schemaname = 'jobledger' AND tablename = 'jobs' LOOP
        EXECUTE format('CREATE POLICY %I ON %s AS %s FOR %s TO %s %s %s', item.policyname, beside, item.permissive,
            item.cmd, (SELECT string_agg(CASE role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(role) END, ', ')
                FROM unnest(item.roles) AS role),
            'USING (' || item.qual || ')', 'WITH CHECK (' || item.with_check || ')');
    END LOOP;
    FOR item IN SELECT oid FROM pg_trigger WHERE tgrelid = live AND NOT tgisinternal LOOP
        EXECUTE replace(pg_get_triggerdef(item.oid), ' ON jobledger.jobs ', ' ON jobledger.jobs_beside ');
    END LOOP;
END
$make$
