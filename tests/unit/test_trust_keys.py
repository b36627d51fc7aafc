"""Keys and envelopes: what is not exactly right is refused, and nothing altered passes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import ConfigError, LivegateError, Refusal, TrustError
from livegate.trust.envelope import EnvelopeType, message, parse_envelope, seal
from livegate.trust.keys import PublicKey, SigningKey
from livegate.trust.opened import open_payload
from livegate.trust.payload import KeyRole
from support.authority import NOW, Authority, command_members
from support.stores import IDENTITY

P = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
AUTHORITY = Authority()
TRUST = AUTHORITY.trust()
# RFC 8032, 7.1, test 2.
RFC_PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
RFC_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def small_order_points() -> list[bytes]:
    """All encodings whose point X25519, which multiplies by 8 first, takes to nothing; found, not remembered."""
    order_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
    ys = [0, 1, P - 1, order_8, P - order_8, P, P + 1]
    for y in ys:
        u = (1 + y) * pow(1 - y, -1, P) % P if y % P != 1 else 0
        with pytest.raises(ValueError, match=r"(?i)shared|error"):
            X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(u.to_bytes(32, "little")))
    return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in (0, 1)]


def test_the_rfc_s_vector() -> None:
    key = PublicKey.of_raw(RFC_PUBLIC)
    key.verify(RFC_SIGNATURE, b"\x72")
    assert key.keyid == "39f713d0a644253f"


@pytest.mark.parametrize("raw", small_order_points(), ids=bytes.hex)
def test_a_key_of_small_order_is_refused(raw: bytes) -> None:
    with pytest.raises(TrustError) as refused:
        PublicKey.of_raw(raw)
    assert refused.value.reason is Refusal.MALFORMED


def test_why_it_is_refused_here_and_not_left_to_the_library() -> None:
    """The neutral point verifies a signature made of itself and zero, over any message."""
    neutral = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"open the door")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(TrustError):
        PublicKey.of_raw(b"\x05" * length)


def test_a_signature_has_one_form() -> None:
    """RFC 8032, 5.1.7: the scalar must be below the group's order, else anybody could make a second signature."""
    key = PublicKey.of_raw(RFC_PUBLIC)
    scalar = int.from_bytes(RFC_SIGNATURE[32:], "little") + GROUP_ORDER
    for bad in (
        RFC_SIGNATURE[:32] + scalar.to_bytes(32, "little"),
        RFC_SIGNATURE[:-1],
        RFC_SIGNATURE + b"\0",
        b"",
        bytes(64),
    ):
        with pytest.raises(TrustError) as refused:
            key.verify(bad, b"\x72")
        assert refused.value.reason is Refusal.BAD_SIGNATURE


def test_files(tmp_path: Path) -> None:
    key = SigningKey.generate()
    path = tmp_path / "root.key"
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.of_pem(path).public == key.public
    assert [each.name for each in tmp_path.iterdir()] == ["root.key"]
    public = tmp_path / "root.pem"
    public.write_bytes(key.public.pem)
    assert PublicKey.of_pem(public) == key.public
    with pytest.raises(ConfigError, match="never overwritten"):
        SigningKey.generate().save(path)
    assert SigningKey.of_pem(path).public == key.public
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        SigningKey.of_pem(path)
    assert "PrivateKey" not in repr(key)


def foreign_files() -> dict[str, bytes]:
    rsa = generate_private_key(65537, 2048)
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return {
        "empty": b"",
        "noise": bytes(range(256)) * 100,
        "rsa private": rsa.private_bytes(pem, pkcs8, plain),
        "rsa public": rsa.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo),
        "encrypted": AUTHORITY.root.key.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"word")),
        "cut": AUTHORITY.root.pem[:60],
    }


FOREIGN = foreign_files()


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_of_something_else_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    for read in (PublicKey.of_pem, SigningKey.of_pem):
        with pytest.raises(ConfigError, match=r"key\.pem: holds no Ed25519 (public|private) key"):
            read(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        PublicKey.of_pem(tmp_path / "none")


def body(**changes: Any) -> bytes:
    members = json.loads(seal(AUTHORITY.daily, EnvelopeType.COMMAND, b"{}")) | changes
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def test_an_envelope_comes_back() -> None:
    envelope = parse_envelope(body(), 1000)
    assert (envelope.payload, envelope.type, envelope.keyid) == (
        b"{}",
        EnvelopeType.COMMAND,
        AUTHORITY.daily.public.keyid,
    )
    AUTHORITY.daily.public.verify(envelope.sig, b"livegate.command.v1\x00{}")


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no json": b"{",
    "a list": b"[]",
    "not utf-8": b'{"payload":"\xff"}',
    "nan": b'{"payload":NaN}',
    "too long": body(payload=base64.b64encode(bytes(1000)).decode()),
    "nested": b'{"payload":' + b"[" * 2000 + b"]" * 2000 + b"}",
    "a member twice": body()[:-1] + b', "type": "livegate.command.v1"}',
    "a member more": body(more="x"),
    "no payload": body(payload=None),
    "no type": body(type=None),
    "no keyid": body(keyid=None),
    "no sig": body(sig=None),
    "payload a number": body(payload=7),
    "payload unpadded": body(payload="e30"),
    "payload with stray bits": body(payload="e31="),
    "payload url-safe": body(payload="_-8="),
    "payload with a newline": body(payload="e3\n0="),
    "payload after its end": body(payload="e30=e30="),
    "payload not ascii": body(payload="e3é="),
    "payload a lone surrogate": body(payload="\ud800"),
    "type unknown": body(type="livegate.command.v2"),
    "type with a nul": body(type="livegate.command.v1\x00"),
    "type a list": body(type=["livegate.command.v1"]),
    "keyid in capitals": body(keyid="ABCDEFABCDEFABCD"),
    "keyid short": body(keyid="abcdef"),
    "keyid with a newline": body(keyid="abcdefabcdefabcd\n"),
    "keyid a number": body(keyid=1234567890123456),
    "sig short": body(sig=base64.b64encode(bytes(63)).decode()),
    "sig long": body(sig=base64.b64encode(bytes(65)).decode()),
    "sig null": body(sig=None),
}


@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_envelope_is_refused(bad: bytes) -> None:
    with pytest.raises(TrustError) as refused:
        parse_envelope(bad, 1000)
    assert refused.value.reason is Refusal.MALFORMED


@pytest.mark.parametrize("hostile", [b'{"' + b'\\"' * 500_000, b'{"' + b'\\"' * 500_000 + b"\\", b'"' * 1_000_001])
def test_strings_without_end_cost_no_more_than_others(hostile: bytes) -> None:
    """Searching for the end of each of a million quotes would take days."""
    with pytest.raises(TrustError):
        parse_envelope(hostile, 2_000_000)


@given(st.binary(max_size=300))
def test_noise_is_refused_in_words(noise: bytes) -> None:
    with pytest.raises(TrustError):
        parse_envelope(noise, 1000)


GOOD = seal(AUTHORITY.daily, EnvelopeType.COMMAND, json.dumps(command_members()).encode())


def opened(raw: bytes) -> dict[str, Any]:
    envelope = parse_envelope(raw, 10_000)
    return open_payload(envelope, TRUST, EnvelopeType.COMMAND, KeyRole.COMMANDS, IDENTITY, NOW)


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_any_bit_flipped_is_refused(bit: int) -> None:
    assert opened(GOOD)["verb"] == "door.pulse"
    altered = bytearray(GOOD)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LivegateError):
        opened(bytes(altered))


@given(st.data())
def test_any_bit_of_what_is_signed_counts(data: st.DataObject) -> None:
    payload = data.draw(st.binary(min_size=1, max_size=100))
    kind = data.draw(st.sampled_from(EnvelopeType))
    sig = AUTHORITY.daily.sign(message(kind, payload))
    public = AUTHORITY.daily.public
    public.verify(sig, message(kind, payload))
    for altered in (sig, message(kind, payload)):
        flipped = bytearray(altered)
        bit = data.draw(st.integers(0, len(altered) * 8 - 1))
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TrustError):
            public.verify(*((bytes(flipped), message(kind, payload)) if altered is sig else (sig, bytes(flipped))))


def test_no_type_passes_for_another() -> None:
    sig = AUTHORITY.daily.sign(message(EnvelopeType.LABEL, b"{}"))
    with pytest.raises(TrustError):
        AUTHORITY.daily.public.verify(sig, message(EnvelopeType.COMMAND, b"{}"))
