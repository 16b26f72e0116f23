"""The ports over PostgreSQL and PGMQ; a statement is a file in `sql/`, named like the method that runs it."""
