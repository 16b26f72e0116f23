-- In the order of the table that it becomes. A key that another row seems to hold is no error here.
WITH coming AS (
    DELETE FROM jobs_coming RETURNING *
)
INSERT INTO jobledger.jobs_beside SELECT * FROM coming ORDER BY id ON CONFLICT DO NOTHING RETURNING id
