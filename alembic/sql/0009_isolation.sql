-- Messages of jobs of which an attempt was lost, for processes that run only such jobs. Every worker asks once a
-- second whether one waits; the index holds nothing else, and nothing that changes with a lease.
CREATE INDEX q_job_queue_isolated_idx ON pgmq.q_job_queue (msg_id) WHERE headers ? 'chances_left';
