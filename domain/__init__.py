"""The job service itself: what a job is, what may happen to it, and what is recorded when it does."""
