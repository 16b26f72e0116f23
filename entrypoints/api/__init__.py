"""The HTTP API: a module a resource, one table of problems, everything else in `domain`."""
