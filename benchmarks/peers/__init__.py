"""Other queues, measured on our server; each runs in an environment of its own, `requirements.txt`."""
