"""Ed25519 (RFC 8032), which the standard library does not have."""

from typing import Protocol


class Signer(Protocol):
    """A private key under the name that its signatures bear."""

    @property
    def name(self) -> str: ...

    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


class SigningKeys(Protocol):
    """The ledger's own keys."""

    def signers(self, name: str) -> list[Signer]:
        """What signs checkpoints of the ledger `name`: the present key, and what it is taking the place of.

        Raises InvalidSettings when there is no key to be had.
        """


class SignatureCheck(Protocol):
    def __call__(self, public_key: bytes, signature: bytes, message: bytes, /) -> bool:
        """Whether the signature is the key's over the message; False for malformed ones too."""
