-- Nobody here serves remote compute any more: what was handed to it and lapsed becomes an ordinary message.
UPDATE pgmq.q_job_queue SET headers = NULL WHERE headers ? 'compute' AND vt <= statement_timestamp()
