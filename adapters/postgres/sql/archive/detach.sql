-- An owner's function, because it is DDL. The parent is locked for this moment only, after all else is done.
SELECT jobledger.detach_month(%(month)s)
