-- By itself, so that it takes no longer than the way there and back.
SELECT clock_timestamp() AS theirs
