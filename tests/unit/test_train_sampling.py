from __future__ import annotations

from collections import Counter
from pathlib import Path

from livegate.types import Box
from livegate_tools.train.samples import Presentation, Sample, Split
from livegate_tools.train.sampling import BalancedSampler, Draw


def sample(source: str, kind: Presentation, subject: str, species: str | None = None) -> Sample:
    faces = (Box(0, 0, 10, 10),)
    return Sample(f"{source}-{subject}", Path("x.png"), kind, species, subject, source, Split.TRAIN, faces)


CROWD = [
    *[sample("phone_replay", Presentation.BONA_FIDE, "a") for _ in range(900)],
    *[sample("phone_replay", Presentation.BONA_FIDE, "b") for _ in range(10)],
    *[sample("phone_replay", Presentation.ATTACK, "c", "replay_phone") for _ in range(300)],
    *[sample("simulated", Presentation.BONA_FIDE, f"s{n}") for n in range(5)],
    *[sample("simulated", Presentation.ATTACK, f"s{n}", species) for n in range(5) for species in ("print", "mask")],
    *[sample("generated_faces", Presentation.PORTRAIT, f"g{n}") for n in range(50)],
    *[sample("backgrounds", Presentation.BACKGROUND, f"b{n}") for n in range(50)],
]


def drawn(shares: dict[str, float], steps: int = 200) -> list[Draw]:
    sampler = BalancedSampler(CROWD, shares, seed=3)
    return [draw for step in range(steps) for draw in sampler.draws(step, 50)]


def test_classes_weigh_the_same_however_many_pictures_they_have() -> None:
    draws = drawn({"portraits": 0.0, "backgrounds": 0.0, "recaptured": 0.0})
    kinds = Counter(CROWD[draw.index].presentation for draw in draws)
    assert abs(kinds[Presentation.BONA_FIDE] / kinds.total() - 0.5) < 0.02


def test_sources_weigh_as_the_recipe_says_and_subjects_the_same() -> None:
    draws = drawn({"phone_replay": 1.0, "simulated": 3.0, "recaptured": 0.0, "portraits": 0, "backgrounds": 0})
    living = [CROWD[d.index] for d in draws if CROWD[d.index].presentation is Presentation.BONA_FIDE]
    sources = Counter(s.source for s in living)
    assert abs(sources["simulated"] / len(living) - 0.75) < 0.03
    subjects = Counter(s.subject for s in living if s.source == "phone_replay")
    assert abs(subjects["a"] / subjects.total() - 0.5) < 0.04


def test_species_of_one_source_weigh_the_same() -> None:
    draws = drawn({"recaptured": 0.0})
    species = Counter(CROWD[d.index].species for d in draws if CROWD[d.index].source == "simulated")
    assert abs(species["print"] - species["mask"]) < 0.15 * species["print"]


def test_a_species_shown_by_few_subjects_weighs_as_much_as_one_shown_by_many() -> None:
    crowd = [
        *[sample("simulated", Presentation.ATTACK, f"s{n}", "replay_phone") for n in range(90)],
        *[sample("simulated", Presentation.ATTACK, "s0", "cutout_mask") for _ in range(3)],
    ]
    draws = [d for step in range(40) for d in BalancedSampler(crowd, {}, seed=3).draws(step, 50)]
    species = Counter(crowd[d.index].species for d in draws)
    assert abs(species["cutout_mask"] / species.total() - 0.5) < 0.04


def test_only_captured_bona_fide_pictures_are_recaptured() -> None:
    recaptured = [CROWD[draw.index] for draw in drawn({}) if draw.recaptured]
    assert recaptured
    assert {(s.source, s.presentation) for s in recaptured} == {("phone_replay", Presentation.BONA_FIDE)}


def test_unlabelled_pictures_weigh_against_labelled_ones() -> None:
    draws = drawn({"labelled": 1.0, "portraits": 0.2, "backgrounds": 0.05})
    kinds = Counter(CROWD[draw.index].presentation for draw in draws)
    assert abs(kinds[Presentation.PORTRAIT] / kinds.total() - 0.16) < 0.02
    assert abs(kinds[Presentation.BACKGROUND] / kinds.total() - 0.04) < 0.01


def test_a_step_draws_the_same_whenever_it_is_asked() -> None:
    one, other = BalancedSampler(CROWD, {}, seed=3), BalancedSampler(CROWD, {}, seed=3)
    one.draws(0, 50)
    assert one.draws(7, 50) == other.draws(7, 50)
    assert one.draws(7, 50) != one.draws(8, 50)
