"""What did not drain, for whoever has to find out why."""

from pathlib import Path

import psycopg

SHOWN = 20
LOG_LINES = 60

QUESTIONS = {
    "jobs by status": "SELECT status, count(*) FROM jobledger.jobs GROUP BY 1 ORDER BY 1",
    "jobs that have not ended, with their last events": f"""
        SELECT j.id, j.status, j.version, j.attempt, j.due_at,
            j.lease_worker_id, j.lease_msg_id, j.lease_read_ct,
            (SELECT string_agg(e.type || ' ' || e.recorded_at::time, ', ' ORDER BY e.version) FROM (
                SELECT * FROM jobledger.job_events WHERE job_id = j.id ORDER BY version DESC LIMIT 4) AS e)
        FROM jobledger.jobs AS j WHERE finished_at IS NULL ORDER BY id LIMIT {SHOWN}""",  # noqa: S608
    "outbox": f"SELECT *, now() FROM jobledger.outbox ORDER BY available_at LIMIT {SHOWN}",  # noqa: S608
    "messages": f"""
        SELECT msg_id, read_ct, vt, now(), headers, left(message::text, 120) FROM pgmq.q_job_queue
        ORDER BY msg_id LIMIT {SHOWN}""",  # noqa: S608
    "parked": f"SELECT * FROM jobledger.parked LIMIT {SHOWN}",  # noqa: S608
    "who waits for whom": """
        SELECT pid, usename, state, wait_event_type, wait_event, pg_blocking_pids(pid), xact_start,
            left(query, 100)
        FROM pg_stat_activity WHERE datname = current_database() ORDER BY xact_start""",
}


def leftovers(url: str, directory: Path) -> str:
    """Jobs, outbox, messages and locks as they are now, and the end of the log."""
    told = ["It did not drain."]
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as owner:
            for name, query in QUESTIONS.items():
                rows = owner.execute(query).fetchall()
                told += [f"--- {name}: {len(rows)}", *(str(row) for row in rows)]
    except psycopg.Error as error:
        told.append(f"The database cannot be asked: {error}")
    for log in sorted(directory.glob("*.log")):
        told += [f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-LOG_LINES:]]
    return "\n".join(told)
