"""What people and machines do with jobs: an act a file; ports first, data after `*`."""
