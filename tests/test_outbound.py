"""Where requests to named addresses go, and where they never go."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from receiver import receiving

from posesim_server.background import outbound as outbound_module
from posesim_server.background.outbound import (
    BadAddress,
    NotAnswered,
    NotPublic,
    Outbound,
    check_url,
    is_public,
)
from server import WAIT_S

HEADERS = {"User-Agent": "test"}


@contextlib.contextmanager
def outbound(**options):
    made = Outbound(**{"allow_private": False, "at_once": 4, **options})
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8"]
)
def test_addresses_that_everybody_reaches_are_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # where clouds keep their secrets
        "100.64.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:53aa:64c::1",
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_other_addresses_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


def test_an_address_behind_nat64_is_judged_by_where_it_leads():
    assert is_public(ipaddress.ip_address("64:ff9b::8.8.8.8"))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "https://example.org:8443/hook?key=1",
        "https://8.8.8.8/hook",
        "https://[2606:4700::1111]/",
        "https://xn--mnchen-3ya.de/",
    ],
)
def test_an_address_on_the_internet_is_taken(url):
    assert str(check_url(url, allow_private=False)).startswith(url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://example.org/", "begins with https://"),
        ("ftp://example.org/", "begins with https://"),
        ("file:///etc/passwd", "begins with https://"),
        ("javascript:alert(1)", "begins with https://"),
        ("example.org/hook", "begins with https://"),
        ("https:///hook", "begins with https://|no address"),
        ("https://", "begins with https://|no address"),
        ("", "begins with https://|no address"),
        ("https://[::1", "no address"),
        ("https://example.org:99999/", "no address"),
        ("https://example.org:0/", "begins with https://"),
        ("https://anna:secret@example.org/", "Leave name and password out"),
        ("https://example.org@127.0.0.1/", "Leave name and password out"),
        ("https://example.org/#top", "after #"),
        ("https://example.org/ hook", "ASCII"),
        ("https://exam\nple.org/", "ASCII"),
        ("https://münchen.de/", "ASCII"),
        ("https://example.org/" + "x" * 2048, "at most 2048 characters"),
        ("https://127.0.0.1/", "no public address"),
        ("https://[::1]/", "no public address"),
        ("https://[::ffff:10.0.0.1]/", "no public address"),
        ("https://169.254.169.254/latest/meta-data", "no public address"),
    ],
)
def test_another_address_is_refused_with_a_sentence(url, sentence):
    with pytest.raises(BadAddress, match=sentence):
        check_url(url, allow_private=False)


def test_an_operator_can_allow_their_own_network():
    check_url("http://10.0.0.1:8000/", allow_private=True)
    with pytest.raises(BadAddress):
        check_url("ftp://10.0.0.1/", allow_private=True)


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost."]
)
async def test_a_name_of_this_machine_is_not_asked(host):
    with outbound() as out, pytest.raises(NotPublic):
        await out.post(f"https://{host}:1/", "{}", HEADERS)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["8.8.8.8", "192.168.1.1"], ["::ffff:127.0.0.1"], ["fe80::1%lo"]],
)
async def test_a_name_that_leads_into_the_network_is_not_asked(addresses):
    with outbound(look_up=lambda _: addresses) as out, pytest.raises(NotPublic):
        await out.post("https://receiver.example/", "{}", HEADERS)


async def test_a_name_that_leads_nowhere_is_told_as_one_that_leads_into_the_network():
    def nowhere(_):
        raise OSError("no such name")

    with outbound(look_up=nowhere) as out, pytest.raises(NotPublic) as refused:
        await out.post("https://receiver.example/", "{}", HEADERS)
    assert str(refused.value) == str(NotPublic())


async def test_a_name_is_looked_up_once_and_connected_to_where_it_led():
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    async with receiving() as receiver:
        port = receiver.url.split(":")[2]
        with outbound(allow_private=True, look_up=lambda _: answers.pop(0)) as out:
            assert await out.post(f"http://receiver.example:{port}", "{}", HEADERS) == 204
        assert (await receiver.next()).headers["host"].startswith("receiver.example")
    assert len(answers) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status):
    async with receiving() as inside, receiving(status) as receiver:
        receiver.headers = {"Location": inside.url}
        with outbound(allow_private=True) as out:
            assert await out.post(receiver.url, "{}", HEADERS) == status
        assert inside.requests.empty()


async def test_a_receiver_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(outbound_module, "TIMEOUT_S", 0.05)
    async with receiving(talks=False) as receiver:
        with (
            outbound(allow_private=True) as out,
            pytest.raises(NotAnswered, match="did not answer"),
        ):
            await out.post(receiver.url, "{}", HEADERS)


async def test_a_receiver_that_is_not_there_is_a_sentence():
    async with receiving() as receiver:
        url = receiver.url
    with outbound(allow_private=True) as out, pytest.raises(NotAnswered, match="can't be reached"):
        await out.post(url, "{}", HEADERS)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 100_000, b""]
)
async def test_what_does_not_answer_in_http_is_a_sentence(answer):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        with outbound(allow_private=True) as out, pytest.raises(NotAnswered):
            await out.post(f"http://127.0.0.1:{port}/", "{}", HEADERS)


async def test_the_body_of_an_answer_is_not_read():
    sent = 0

    async def talk(reader, writer):
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
                await writer.drain()
                sent += 1
        gone.set()
        writer.close()

    gone = asyncio.Event()
    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        with outbound(allow_private=True) as out:
            assert await out.post(f"http://127.0.0.1:{port}/", "{}", HEADERS) == 200
        async with asyncio.timeout(WAIT_S):
            await gone.wait()


async def test_a_receiver_has_to_prove_who_it_is(tmp_path):
    async with receiving(ssl=self_signed(tmp_path)) as receiver:
        with outbound(allow_private=True) as out, pytest.raises(NotAnswered, match="certificate"):
            await out.post(receiver.url, "{}", HEADERS)
        assert receiver.requests.empty()


async def test_a_lookup_that_hangs_holds_up_no_other_request():
    hangs, found = threading.Event(), threading.Event()

    def look_up(host):
        if host == "hangs.example":
            hangs.set()
            assert found.wait(WAIT_S)
        return ["127.0.0.1"]

    async with receiving() as receiver:
        port = receiver.url.split(":")[2]
        with outbound(allow_private=True, at_once=2, look_up=look_up) as out:
            slow = asyncio.create_task(out.post(f"http://hangs.example:{port}", "{}", HEADERS))
            assert await asyncio.to_thread(hangs.wait, WAIT_S)
            assert await out.post(f"http://quick.example:{port}", "{}", HEADERS) == 204
            found.set()
            assert await slow == 204


def self_signed(folder) -> ssl.SSLContext:
    """A context of a server whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "pair.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
