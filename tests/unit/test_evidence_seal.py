"""Sealed files: what goes in comes out at the centre, and nowhere and nothing else does."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import ConfigError, EvidenceError
from livegate.evidence.bundle import LEAST_BYTES, MANIFEST, About, bundle, pad, unpad
from livegate.evidence.cut import AROUND, FRAMES, MAX_SIDE_PX, cut
from livegate.evidence.seal import TYPE, Recipient, load_private, open_sealed, read_header, seal
from livegate.trust.keys import SigningKey
from livegate.types import Attempt, Box, Face, Observation, Role
from support.sealed import FACE, HEIGHT, WIDTH, frame_set, keys, presented

ABOUT = About("a1", "lab/t1", "2026-01-01T00:00:00.000Z", "stream1", 7, "ab12", {"name": "face"})
CENTRE = X25519PrivateKey.generate()
FOR_CENTRE = Recipient(CENTRE.public_key())


def test_a_few_moments_of_every_registered_sensor() -> None:
    pictures = cut(presented(frames=16), alone=True)
    assert [picture.role for picture in pictures] == [Role.RGB, Role.NIR, Role.DEPTH] * FRAMES
    assert [picture.since_start_ms for picture in pictures[::3]] == [0.0, 400.0, 750.0]
    assert {picture.image.dtype for picture in pictures} == {np.dtype(np.uint8), np.dtype(np.uint16)}
    assert cut(presented(frames=1), alone=True)[0].image.shape[:2] == (FACE.h * AROUND, FACE.w * AROUND)


def test_whoever_stands_by_is_not_kept() -> None:
    for pictures in (cut(presented(others=1), alone=True), cut(presented(), alone=False)):
        assert all(picture.image.shape[:2] == (FACE.h, FACE.w) for picture in pictures)
        assert (pictures[0].image == 10).all(), "rgb shows the presented face and nothing around it"


def test_pictures_are_copies_so_that_whole_frames_can_go() -> None:
    assert all(picture.image.base is None for picture in cut(presented(), alone=True))


def test_a_sensor_that_is_not_registered_is_left_out() -> None:
    seen = Observation(frame_set(1, 0, nir=(HEIGHT // 2, WIDTH // 2)), Face(FACE, 0.1, 0.8))
    assert [picture.role for picture in cut(Attempt("a1", 0, (seen,)), alone=True)] == [Role.RGB, Role.DEPTH]


@pytest.mark.parametrize("box", [Box(-900, -900, 50, 60), Box(400, 100, 50, 50), Box(10, 10, 0, 0)])
def test_a_box_outside_the_picture_gives_nothing(box: Box) -> None:
    seen = Observation(frame_set(1, 0), Face(box, 0.1, 0.8))
    assert cut(Attempt("a1", 0, (seen,)), alone=True) == ()


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(0, 5000), st.floats(0, 5000))
def test_no_piece_leaves_the_picture_or_the_size(x: float, y: float, w: float, h: float) -> None:
    seen = Observation(frame_set(1, 0), Face(Box(x, y, w, h), 0.1, 0.8))
    for piece in cut(Attempt("a1", 0, (seen,)), alone=True):
        height, width = piece.image.shape[:2]
        assert 0 < width <= min(WIDTH - piece.x, MAX_SIDE_PX)
        assert 0 < height <= min(HEIGHT - piece.y, MAX_SIDE_PX)


def test_the_bundle_is_lossless_and_says_what_it_holds() -> None:
    pictures = cut(presented(), alone=True)
    with zipfile.ZipFile(io.BytesIO(unpad(bundle(ABOUT, pictures)))) as archive:
        about = json.loads(archive.read(MANIFEST))
        kept = [cv2.imdecode(np.frombuffer(archive.read(p["file"]), np.uint8), -1) for p in about["pictures"]]
    assert (about["attempt_id"], about["stream"], about["sequence"]) == ("a1", "stream1", 7)
    assert (about["media_signature"], about["model"]) == ("ab12", {"name": "face"})
    assert len(kept) == len(pictures)
    assert all((a == p.image).all() and a.dtype == p.image.dtype for a, p in zip(kept, pictures, strict=True))


@given(st.binary(max_size=100) | st.integers(0, 3 * LEAST_BYTES).map(bytes))
def test_padding_comes_off_and_costs_little(content: bytes) -> None:
    padded = pad(content)
    assert unpad(padded) == content
    assert LEAST_BYTES <= len(padded) <= max(LEAST_BYTES, 1.12 * (len(content) + 8))


def test_sizes_are_few() -> None:
    assert len({len(pad(bytes(n))) for n in range(200_000, 400_000, 500)}) <= 40


@pytest.mark.parametrize("signer", [None, SigningKey.generate()])
def test_the_centre_opens_what_the_terminal_sealed(signer: SigningKey | None) -> None:
    sealed = seal(ABOUT, pad(b"pictures"), FOR_CENTRE, signer)
    opened = open_sealed(sealed, CENTRE, signer.public if signer else None)
    assert opened.content == b"pictures"
    assert opened.proven is (signer is not None)
    header = read_header(sealed)
    assert header == opened.header
    assert (header["attempt_id"], header["terminal"], header["recipient"]) == ("a1", "lab/t1", FOR_CENTRE.keyid)
    # Nothing else stands in the open part.
    assert set(header) == {"attempt_id", "terminal", "time", "recipient", "signer"}


def test_nobody_else_opens_it() -> None:
    sealed = seal(ABOUT, pad(b"pictures"), FOR_CENTRE)
    with pytest.raises(EvidenceError, match="does not open"):
        open_sealed(sealed, X25519PrivateKey.generate())
    assert b"pictures" not in sealed
    assert seal(ABOUT, pad(b"pictures"), FOR_CENTRE) != sealed, "a key of its own every time"


def test_a_signature_that_is_missing_or_anothers_is_told() -> None:
    mine, other = SigningKey.generate(), SigningKey.generate()
    with pytest.raises(EvidenceError, match="not signed"):
        open_sealed(seal(ABOUT, pad(b""), FOR_CENTRE), CENTRE, mine.public)
    with pytest.raises(EvidenceError, match="was not made by"):
        open_sealed(seal(ABOUT, pad(b""), FOR_CENTRE, other), CENTRE, mine.public)
    # Without asking, it opens, and does not claim to be proven.
    assert not open_sealed(seal(ABOUT, pad(b""), FOR_CENTRE, other), CENTRE).proven


SEALED = seal(ABOUT, pad(b"x"), FOR_CENTRE)
SIGNED_BY = SigningKey.generate()
SIGNED = seal(ABOUT, pad(b"x"), FOR_CENTRE, SIGNED_BY)


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_changed_bit_is_noticed_header_included(at: int, flip: int) -> None:
    for content, device in ((SEALED, None), (SIGNED, SIGNED_BY.public)):
        broken = bytearray(content)
        broken[at] ^= flip
        with pytest.raises(EvidenceError):
            open_sealed(bytes(broken), CENTRE, device)


@given(st.binary(max_size=300), st.booleans())
def test_hostile_files_end_in_a_sentence(content: bytes, magic: bool) -> None:
    with pytest.raises(EvidenceError, match="evidence: "):
        open_sealed(b"LGE1" * magic + content, CENTRE)


@given(st.integers(0, len(SEALED) - 1))
def test_a_file_cut_short_does_not_open(length: int) -> None:
    with pytest.raises(EvidenceError):
        open_sealed(SEALED[:length], CENTRE)


def test_a_header_of_another_attempt_does_not_open() -> None:
    other = SEALED.replace(b'"a1"', b'"a2"')
    assert TYPE not in other
    with pytest.raises(EvidenceError, match="does not open"):
        open_sealed(other, CENTRE)


def test_a_path_for_an_id_is_refused() -> None:
    sealed = seal(About("../../etc/x", "lab/t1", "", "", 1, None, None), pad(b""), FOR_CENTRE)
    with pytest.raises(EvidenceError, match="no attempt's id"):
        open_sealed(sealed, CENTRE)


def spki(raw: bytes) -> bytes:
    key = X25519PrivateKey.generate().public_key()
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = base64.b64encode(encoded[:-32] + raw).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no usable X25519 public key"),
        (b"\xff" * 100_000, "no usable X25519 public key"),
        (SigningKey.generate().public.pem, "no usable X25519 public key"),
        (SigningKey.generate().pem, "private key, which belongs at the centre"),
        (spki(bytes(32)), "no usable X25519 public key"),
        (spki((1).to_bytes(32, "little")), "no usable X25519 public key"),
    ],
)
def test_a_bad_recipient_key_is_told_with_place_and_remedy(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "centre.pem"
    path.write_bytes(content)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=f"centre.pem: .*recipient_key_file: .*{words}.*openssl pkey"):
        Recipient.of_pem(path)


def test_a_recipient_key_that_is_missing_or_others_may_swap(tmp_path: Path) -> None:
    private, public = keys(tmp_path)
    assert (
        Recipient.of_pem(public).keyid
        == read_header(seal(ABOUT, pad(b""), Recipient(load_private(private).public_key())))["recipient"]
    )
    public.chmod(0o666)
    with pytest.raises(ConfigError, match="chmod go-w"):
        Recipient.of_pem(public)
    with pytest.raises(ConfigError, match="cannot be read"):
        Recipient.of_pem(tmp_path / "nothing.pem")
