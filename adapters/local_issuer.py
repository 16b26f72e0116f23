"""The service as its own token issuer, where it runs locally: the same JWKS path as in production."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from adapters.jwks_tokens import AUDIENCE, thumbprint
from adapters.key_files import write_once
from domain.errors import InvalidSettings
from domain.identifiers import UserId
from domain.ports.system import Clock

ALGORITHM = "ES256"


class LocalIssuer:
    """Signs tokens with a key that it makes in `directory` when there is none."""

    def __init__(self, directory: Path, *, issuer: str, clock: Clock) -> None:
        self._key = _load_or_make(directory / "token-signing-key.pem")
        self._issuer = issuer
        self._clock = clock
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._kid = thumbprint(public)
        self._public = public | {"kid": self._kid, "alg": ALGORITHM, "use": "sig"}

    def issue(self, *, user_id: UserId, roles: tuple[str, ...] = (), lifetime_seconds: int = 86_400) -> str:
        now = self._clock.now()
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": user_id,
            "iat": now,
            "exp": now + timedelta(seconds=lifetime_seconds),
            "app_metadata": {"roles": list(roles)},
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self._public]}


def _load_or_make(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        _make(path)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidSettings(f"{path} holds no EC key; remove it, and a new one is made.")
    return key


def _make(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    write_once(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
