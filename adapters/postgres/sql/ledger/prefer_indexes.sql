-- For the transaction that seals. What is new is a sliver of a table whose statistics are minutes old, so the
-- planner would now and then read the table whole, or compile the statement. And a tick must be on disk before
-- anything is signed that holds it, with all that it saw.
SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
    CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END
