"""The site key: one pseudonym for a card at all of a site's terminals, and no silent change of it."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from livegate.config import StoreConfig, Trust
from livegate.errors import ConfigError, StoreError
from livegate.gate.facts import ListEntry
from livegate.store import Store, lists, open_for_edit, open_store, ownkeys
from livegate.trust.site import SiteKeys, site_keys
from support.stores import CARD, IDENTITY, StillClock, admit

HEX = "00112233445566778899aabbccddeeff" * 2


def key_file(folder: Path, text: str = HEX + "\n", mode: int = 0o600) -> Trust:
    path = folder / "site.key"
    path.write_text(text)
    path.chmod(mode)
    return Trust(site_key_file=path)


def keys(folder: Path, text: str = HEX) -> SiteKeys:
    found = site_keys(key_file(folder, text))
    assert found is not None
    return found


def store_of(folder: Path, site: SiteKeys | None) -> Store:
    return open_store(folder, IDENTITY, StoreConfig(), StillClock(), site=site)


def test_what_derives_from_it(tmp_path: Path) -> None:
    found = keys(tmp_path)
    raw = bytes.fromhex(HEX)
    assert found.pseudonyms == hmac.new(raw, b"livegate pseudonym v1", hashlib.sha256).digest()
    assert found.media == hmac.new(raw, b"livegate media v1", hashlib.sha256).digest()
    assert repr(found) == "SiteKeys()"
    assert keys(tmp_path, HEX.upper()) == found
    assert site_keys(Trust()) is None


@pytest.mark.parametrize("text", ["", "00", HEX[:-1], HEX + "0", HEX[:-1] + "g", HEX + "\n" + HEX, "é" * 64])
def test_what_is_no_site_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        site_keys(key_file(tmp_path, text))


def test_a_site_key_others_may_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        site_keys(key_file(tmp_path, mode=0o640))
    with pytest.raises(ConfigError, match="cannot be read"):
        site_keys(Trust(site_key_file=tmp_path / "none"))


def test_one_card_has_one_pseudonym_at_the_whole_site(tmp_path: Path) -> None:
    site = keys(tmp_path)
    named = []
    for terminal in ("a", "b"):
        with store_of(tmp_path / terminal, site) as store:
            named.append(admit(store, CARD, StillClock().now))
    with store_of(tmp_path / "c", None) as store:
        named.append(admit(store, CARD, StillClock().now))
    assert named[0] == named[1] != named[2]


def test_the_command_line_uses_the_same_key(tmp_path: Path) -> None:
    site, state = keys(tmp_path), tmp_path / "state"
    with open_for_edit(state, IDENTITY, StoreConfig(), StillClock(), site=site) as store:
        named = admit(store, CARD, StillClock().now)
    with store_of(state, site) as store:
        assert admit(store, CARD, StillClock().now) == named
    with open_for_edit(state, IDENTITY, StoreConfig(), StillClock()) as store:
        assert admit(store, CARD, StillClock().now) == named


def test_another_site_key_is_refused_once_there_are_lists(tmp_path: Path) -> None:
    first, second, state = keys(tmp_path), keys(tmp_path, HEX[::-1]), tmp_path / "state"
    store_of(state, None).close()
    store_of(state, first).close()
    # Nothing was entered yet: the key may still change.
    with store_of(state, second) as store:
        named = admit(store, CARD, StillClock().now)
    with pytest.raises(StoreError, match="site_key_file"):
        store_of(state, first)
    for site in (second, None):
        with store_of(state, site) as store:
            assert admit(store, CARD, StillClock().now) == named


def test_a_terminal_with_lists_of_its_own_key_refuses_a_site_key(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with store_of(state, None) as store:
        admit(store, CARD, StillClock().now)
    with pytest.raises(StoreError, match="enter the lists again"):
        store_of(state, keys(tmp_path))


def test_a_listed_medium_binds_the_key_as_well(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with store_of(state, None) as store, store.transaction() as t:
        lists.block(t, ListEntry("media", "0f" * 16), StillClock().now)
    with pytest.raises(StoreError, match="site_key_file"):
        store_of(state, keys(tmp_path))


def test_the_salt_of_media_signatures(tmp_path: Path) -> None:
    site = keys(tmp_path)
    own = ownkeys.media_key(tmp_path)
    assert len(own) == 32
    assert ownkeys.media_key(tmp_path) == own
    assert (tmp_path / "media.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreError, match="site_key_file"):
        ownkeys.media_key(tmp_path, may_make=False, derived=site.media)
    assert ownkeys.media_key(tmp_path, derived=site.media) == site.media
    assert ownkeys.media_key(tmp_path) == site.media


@pytest.mark.parametrize("how", ["gone", "overwritten", "shortened"])
def test_a_key_file_that_is_lost_is_made_anew_from_the_same_site_key(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    site, other, state = keys(tmp_path), keys(tmp_path, HEX[::-1]), tmp_path / "state"
    with store_of(state, site) as store:
        named = admit(store, CARD, StillClock().now)
    spoil(state / "pseudonym.key", how)
    # Neither another site key nor none gives what the lists were made with.
    for wrong in (other, None):
        with pytest.raises(StoreError, match=r"pseudonym\.key: (is|has)"):
            store_of(state, wrong)
    with store_of(state, site) as store:
        assert admit(store, CARD, StillClock().now) == named
    assert "pseudonym.key was lost or is another; made anew" in caplog.text
    assert ownkeys.pseudonym_key(state) == site.pseudonyms


def test_an_overwritten_media_key_is_made_anew_from_the_site_key(tmp_path: Path) -> None:
    site = keys(tmp_path)
    ownkeys.media_key(tmp_path, derived=site.media)
    for how in ("gone", "overwritten", "shortened"):
        spoil(tmp_path / "media.key", how)
        assert ownkeys.media_key(tmp_path, derived=site.media) == site.media
        assert (tmp_path / "media.key").read_bytes() == site.media


def spoil(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(b"\xa7" * (32 if how == "overwritten" else 5))
