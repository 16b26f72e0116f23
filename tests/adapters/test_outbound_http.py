"""Calling servers that users name: what is asked, what comes back, and where it must not lead."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.outbound_http import GuardedHttp, may_reach
from domain.ports.outbound_http import DestinationRefused, NoAnswer, OutboundRequest

HERE = ["127.0.0.1/32"]


class Receiver(BaseHTTPRequestHandler):
    """Answers by its path, and tells what it was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, dict[str, str], bytes]] = []  # noqa: RUF012 - the test's own

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.command, self.path, headers, body))
        target = self.path.partition("?to=")[2]
        content = b"x" * 200_000 if self.path == "/large" else b'{"well": "done"}'
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Receiver.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def url(server: ThreadingHTTPServer, path: str = "/", host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.server_port}{path}"


def a_request(url: str, **asked: object) -> OutboundRequest:
    return OutboundRequest(**({"method": "GET", "url": url, "timeout_seconds": 10} | asked))  # type: ignore[arg-type]  # a test's shorthand


async def test_what_is_asked_arrives_and_what_is_answered_comes_back(server: ThreadingHTTPServer) -> None:
    asked = a_request(url(server, "/path?q=1"), method="POST", headers={"X-Mine": "here"}, body=b"body")
    answer = await GuardedHttp(HERE).send(asked)

    assert (answer.status, answer.url, answer.body, answer.is_cut) == (
        200, url(server, "/path?q=1"), b'{"well": "done"}', False,
    )  # fmt: skip
    assert answer.headers["content-type"] == "application/json"
    ((method, path, headers, body),) = Receiver.seen
    assert (method, path, body) == ("POST", "/path?q=1", b"body")
    assert (headers["x-mine"], headers["host"]) == ("here", f"127.0.0.1:{server.server_port}")


async def test_a_long_answer_is_cut(server: ThreadingHTTPServer) -> None:
    answer = await GuardedHttp(HERE).send(a_request(url(server, "/large")))

    assert (len(answer.body), answer.is_cut) == (64 * 1024, True)


async def test_a_name_that_leads_inside_is_refused(server: ThreadingHTTPServer) -> None:
    with pytest.raises(DestinationRefused, match="not public"):
        await GuardedHttp().send(a_request(url(server, host="localhost")))
    assert Receiver.seen == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_an_address_inside_is_refused_however_it_is_written(
    server: ThreadingHTTPServer, host: str
) -> None:
    with pytest.raises((DestinationRefused, NoAnswer)):
        await GuardedHttp().send(a_request(url(server, host=host)))
    assert Receiver.seen == []


async def test_a_redirect_is_followed_where_it_may_lead(server: ThreadingHTTPServer) -> None:
    answer = await GuardedHttp(HERE).send(a_request(url(server, "/?to=/there"), max_redirects=5))

    assert (answer.status, answer.url) == (200, url(server, "/there"))


async def test_a_redirect_to_a_private_address_is_refused(server: ThreadingHTTPServer) -> None:
    inside = url(server, "/secrets", host="127.0.0.2")
    with pytest.raises(DestinationRefused, match=r"127\.0\.0\.2"):
        await GuardedHttp(HERE).send(a_request(url(server, f"/?to={inside}"), max_redirects=5))
    assert [path for _, path, _, _ in Receiver.seen] == [f"/?to={inside}"]


async def test_redirects_without_end_are_refused(server: ThreadingHTTPServer) -> None:
    with pytest.raises(DestinationRefused, match="more than 2 times"):
        await GuardedHttp(HERE).send(
            a_request(url(server, f"/?to={url(server, '/?to=/?to=/?to=/')}"), max_redirects=2)
        )


async def test_the_connection_goes_to_the_address_that_was_checked(server: ThreadingHTTPServer) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    answer = await GuardedHttp(HERE, resolve=rebinding).send(a_request(url(server, host="rebinds.example")))

    assert answer.status == 200
    assert Receiver.seen[0][2]["host"] == f"rebinds.example:{server.server_port}"


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["93.184.215.14", "10.0.0.1"]

    with pytest.raises(DestinationRefused, match=r"10\.0\.0\.1"):
        await GuardedHttp(resolve=mixed).send(a_request("http://mixed.example/"))


async def test_who_does_not_listen_gives_no_answer(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(NoAnswer):
        await GuardedHttp(HERE).send(a_request(url(server)))


async def test_who_says_nothing_gives_no_answer_in_time() -> None:
    # A listener that accepts in the kernel and never answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(NoAnswer):
            await GuardedHttp(HERE).send(a_request(silent_url, timeout_seconds=0.05))


@pytest.mark.parametrize("bad", ["ftp://example.org/", "http://", "not a url"])
async def test_what_is_no_http_url_is_refused(bad: str) -> None:
    with pytest.raises(DestinationRefused):
        await GuardedHttp(HERE).send(a_request(bad))


async def test_tls_asks_for_the_certificate_of_the_name_and_not_of_the_address(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    certificate = _certificate(tmp_path, "named.example")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    server.socket = serving.wrap_socket(server.socket, server_side=True)

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    trusting = ssl.create_default_context(cafile=str(certificate))
    client = GuardedHttp(HERE, resolve=here, tls=trusting)
    secure = f"https://named.example:{server.server_port}/"
    assert (await client.send(a_request(secure))).status == 200
    with pytest.raises(NoAnswer, match="certificate"):
        await client.send(a_request(secure.replace("named", "other")))


def _certificate(directory: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    place = directory / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    place.write_bytes(private + made.public_bytes(pem))
    return place


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address like the others
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("2001:0:a00:1::", False),
    ],
)
def test_only_public_unicast_may_be_reached(address: str, is_public: bool) -> None:
    assert may_reach(ipaddress.ip_address(address), []) is is_public


def test_an_opened_network_may_be_reached() -> None:
    opened = [ipaddress.ip_network("10.0.0.0/8")]
    assert may_reach(ipaddress.ip_address("10.1.2.3"), opened)
    assert may_reach(ipaddress.ip_address("::ffff:10.1.2.3"), opened)
    assert not may_reach(ipaddress.ip_address("192.168.0.1"), opened)
