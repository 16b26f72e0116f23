-- Apart from the catalogue's part, because the role may not be allowed to.
SELECT version_num FROM jobledger.alembic_version
