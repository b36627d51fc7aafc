"""Evidence through the real daemon: pictures of attacks for the centre, nobody else, no word of them in events."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from livegate.evidence.folder import EvidenceFolder
from livegate.evidence.seal import load_private, open_sealed
from livegate.store import StoreReader
from livegate.trust.device import device_key
from support.sealed import keys
from support.theatre import Play, Theatre, cast, of_kind


def test_attacks_leave_evidence_and_people_do_not(tmp_path: Path) -> None:
    private, public = keys(tmp_path)
    theatre = Theatre(tmp_path)
    more = f"[evidence]\nenabled = true\nrecipient_key_file = '{public}'\n"
    events = theatre.run(theatre.configure(cast("LAA"), Play(speed=2.0, more=more)))
    verdicts = {
        e["data"]["what"]["attempt_id"]: e["data"]["what"]["pad"]["decision"] for e in of_kind(events, "access.attempt")
    }
    attacks = {attempt_id for attempt_id, verdict in verdicts.items() if verdict == "attack"}
    folder = EvidenceFolder.of(theatre.state_dir)
    assert attacks
    assert folder.sizes().keys() == attacks < verdicts.keys()
    sequences = {e["data"]["what"]["attempt_id"]: int(e["sequence"]) for e in of_kind(events, "access.attempt")}
    with StoreReader(theatre.state_dir) as store:
        stream, told = store.stream, b"".join(event.body for event in store.newest(1_000))
    for attempt_id in attacks:
        opened = open_sealed(folder.read(attempt_id), load_private(private), device_key(theatre.state_dir).public)
        with zipfile.ZipFile(io.BytesIO(opened.content)) as archive:
            about = json.loads(archive.read("evidence.json"))
            assert (about["stream"], about["sequence"]) == (stream, sequences[attempt_id])
            assert about["model"]["name"] == "face"
            assert {picture["role"] for picture in about["pictures"]} == {"rgb", "nir", "depth"}
            pictures = [archive.read(picture["file"]) for picture in about["pictures"]]
        assert all(picture not in told for picture in pictures)
    assert b"evidence" not in told
    assert b"recipient" not in told


def test_off_is_the_default(tmp_path: Path) -> None:
    theatre = Theatre(tmp_path)
    theatre.run(theatre.configure(cast("A"), Play(speed=3.0)))
    assert not (theatre.state_dir / "evidence").exists()
