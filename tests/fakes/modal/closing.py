"""A gRPC server that takes its connections down with it."""

from typing import Any

from grpclib.protocol import H2Protocol
from grpclib.server import Server
from modal._utils.grpc_utils import custom_detail_codec


class ClosingServer(Server):
    """grpclib's own leaves them to their clients, and ours may be killed or live on."""

    def __init__(self, servicer: Any) -> None:
        super().__init__([servicer], status_details_codec=custom_detail_codec)
        self._protocols: list[H2Protocol] = []

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._protocols.append(protocol)
        return protocol

    async def stop(self) -> None:
        self.close()
        for protocol in self._protocols:
            # Absent until a client has connected.
            if connection := getattr(protocol, "connection", None):
                connection.close()
        await self.wait_closed()
