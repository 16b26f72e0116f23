"""Addresses that a process listens on."""

import os
import socket

from domain.errors import InvalidSettings

BACKLOG = 2048


def listen_on(host: str, port: int, *, setting: str = "API_PORT") -> socket.socket:
    """A listening socket; raises InvalidSettings, in a line, when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InvalidSettings(
            f"{setting}: {host}:{port} cannot be listened on: {os.strerror(error.errno or 0)}."
        ) from error
