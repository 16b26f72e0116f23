"""Judgements of what is around the store: tokens, hints, disks."""

from pathlib import PurePath

from domain.doctor.findings import Finding, counted, error, fine, warning

GIB = 1024**3
LITTLE_SPACE = 2 * GIB
NO_SPACE = GIB // 4


def judge_keys(usable: int, *, issuer: str) -> Finding:
    if not usable:
        return error(
            "tokens",
            f"{issuer} publishes no key that can be used.",
            "Let it sign with an asymmetric key (ES256, RS256, EdDSA, …): shared secrets are not accepted.",
        )
    return fine("tokens", f"{issuer} publishes {counted(usable, 'usable key', 'usable keys')}.")


def judge_no_keys(told: str, *, issuer: str, is_local: bool) -> Finding:
    if is_local:
        advice = "The local service is its own issuer: start it with `jobledger up` or `jobledger api`."
        return warning("tokens", f"{issuer} does not answer: {told}", advice)
    advice = "See whether SUPABASE_URL is right and can be reached from here; no request is let in meanwhile."
    return error("tokens", f"{issuer} does not answer: {told}", advice)


def judge_hints(*, hears: bool | None) -> Finding:
    """`hears` is None where LISTEN_URL is not set."""
    if hears is None:
        return warning(
            "hints",
            "LISTEN_URL is not set: everything is polled every POLL_SECONDS.",
            "Set it to a direct connection, and jobs start within milliseconds.",
        )
    if not hears:
        return error(
            "hints",
            "Nothing that is sent arrives at LISTEN_URL: it leads through a pooler.",
            "Set it to a direct connection, not through a pooler in transaction mode.",
        )
    return fine("hints", "What is sent arrives at LISTEN_URL.")


def judge_disk(check: str, path: PurePath, *, free_bytes: int | None, is_writable: bool) -> Finding:
    """`free_bytes` is None where the directory does not exist."""
    if free_bytes is None:
        return error(check, f"{path} is no directory.", "Make it, or name another one in the settings.")
    if not is_writable:
        return error(check, f"{path} cannot be written to.", "Give it to the user that runs the service.")
    told = f"{path} has {free_bytes / GIB:.1f} GiB free."
    advice = "Make room: PostgreSQL stops when its disk is full."
    if free_bytes < NO_SPACE:
        return error(check, told, advice)
    return warning(check, told, advice) if free_bytes < LITTLE_SPACE else fine(check, told)
