"""The ports in memory, behaving as PostgreSQL does where it matters; for development, tests and simulation.

It keeps the visibility rules that bugs hide behind: ids are drawn before commit and burnt by a rollback, a
message stays invisible for its lease and then comes again, a version gate drops the loser alone.
"""
