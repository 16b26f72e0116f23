-- Nothing but a number is spent by each: a transaction that writes nothing.
DO $$
BEGIN
    FOR i IN 1 .. current_setting('jobledger.numbers_to_spend')::integer LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END
$$
