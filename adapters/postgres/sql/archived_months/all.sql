-- A row a month: a handful.
SELECT * FROM jobledger.archived_months ORDER BY month
