-- The owner's function: the service itself may not make tables.
SELECT jobledger.make_partitions_ahead(3) AS made
