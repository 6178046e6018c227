"""Sound cards: samples between PortAudio's thread and the program, and when they are heard."""

import numpy as np
import pytest
from fakesound import BLOCK, BLOCK_S, FakeStream, Wall, device, use
from numpy.typing import NDArray

from pymix_voice.edge.cards import RING, Card, Loudspeaker, Microphone
from pymix_voice.edge.devices import Side, choose, devices
from pymix_voice.errors import SoundError
from pymix_voice.geometry import SAMPLE_RATE

SECOND = SAMPLE_RATE // BLOCK
"""Blocks in one."""


def numbers(first: int, count: int = BLOCK) -> NDArray[np.int16]:
    return np.arange(first, first + count, dtype=np.int16)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


@pytest.fixture
def microphone(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> tuple[Microphone, FakeStream]:
    sound = use(monkeypatch, device("Headset"))
    card = Microphone(choose(devices(), Side.INPUT, None))
    card.start()
    return card, sound.streams[0]


@pytest.fixture
def loudspeaker(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> tuple[Loudspeaker, FakeStream]:
    sound = use(monkeypatch, device("Headset"))
    card = Loudspeaker(choose(devices(), Side.OUTPUT, None))
    card.start()
    return card, sound.streams[0]


def lead_s(card: Loudspeaker) -> float:
    """How much is to wait at least when more is given."""
    deadline = card.deadline()
    return card.heard_at() - card.latency_s - deadline


# ── opening ──────────────────────────────────────────────────────────────────────────────────


def test_a_card_is_opened_at_48_khz_mono_in_blocks_of_10_ms(
    microphone: tuple[Microphone, FakeStream],
) -> None:
    card, stream = microphone
    settings = dict(stream.settings)
    settings.pop("callback")
    assert settings == {
        "samplerate": 48_000,
        "blocksize": 480,
        "device": 0,
        "channels": 1,
        "dtype": "int16",
        "latency": "low",
    }
    assert card.stream is stream
    assert stream.calls == ["start"]
    assert card.latency_s == 0.012


@pytest.mark.parametrize(
    ("refuses", "told"),
    [
        ("open", "the loudspeaker 'Headset' cannot be used at 48 kHz"),
        ("start", "the loudspeaker 'Headset' does not start"),
    ],
)
def test_a_device_that_refuses_is_named_in_a_sentence(
    refuses: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, device("Headset")).refuses = refuses
    with pytest.raises(SoundError) as error:
        Loudspeaker(choose(devices(), Side.OUTPUT, None)).start()
    assert str(error.value).startswith(told)
    assert "`pymix-voice devices`" in str(error.value)
    assert "PaErrorCode" not in str(error.value)


@pytest.mark.parametrize(("told", "believed"), [(-3.0, 0.0), (77.0, 0.5), (0.03, 0.03)])
def test_a_latency_that_cannot_be_is_not_believed(
    told: float, believed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeStream, "latency", told)
    use(monkeypatch, device("Headset"))
    card = Microphone(choose(devices(), Side.INPUT, None))
    card.start()
    assert card.latency_s == believed


def test_a_closed_card_is_stopped_first(microphone: tuple[Microphone, FakeStream]) -> None:
    card, stream = microphone
    card.close()
    assert stream.calls == ["start", "abort", "close"]


# ── a microphone ─────────────────────────────────────────────────────────────────────────────


def test_a_microphone_gives_what_it_heard_and_when(
    wall: Wall, microphone: tuple[Microphone, FakeStream]
) -> None:
    card, stream = microphone
    card.take()
    for number in range(3):
        wall.now += BLOCK_S
        stream.hear(numbers(number * BLOCK))
    samples, until = card.take()
    assert samples.tolist() == list(range(3 * BLOCK))
    assert until == pytest.approx(wall.now)
    assert len(card.take()[0]) == 0
    assert card.trouble == 0


def test_what_a_microphone_hears_before_anybody_listens_is_old_and_not_kept(
    wall: Wall, microphone: tuple[Microphone, FakeStream]
) -> None:
    card, stream = microphone
    wall.pass_by(stream, blocks=2 * SECOND)
    assert len(card.take()[0]) == 0
    wall.now += BLOCK_S
    stream.hear(numbers(7))
    samples, until = card.take()
    assert samples[0] == 7
    assert until == pytest.approx(wall.now)
    assert card.trouble == 0


def test_what_a_microphone_hears_while_the_program_sleeps_is_kept_for_half_a_second(
    wall: Wall, microphone: tuple[Microphone, FakeStream]
) -> None:
    card, stream = microphone
    card.take()
    wall.pass_by(stream, blocks=2 * SECOND)
    assert card.trouble == 1, "once for all that was lost"
    samples, _ = card.take()
    assert len(samples) == RING
    wall.now += BLOCK_S
    stream.hear(numbers(1))
    samples, until = card.take()
    assert samples[0] == 1
    assert until == pytest.approx(wall.now), "the clock goes on with what was lost"
    assert card.trouble == 1


def test_what_portaudio_complains_of_is_trouble(
    microphone: tuple[Microphone, FakeStream],
) -> None:
    card, stream = microphone
    card.take()
    stream.hear(numbers(0), status=True)
    assert card.trouble == 1


# ── a loudspeaker ────────────────────────────────────────────────────────────────────────────


def test_a_loudspeaker_plays_what_was_written_and_then_silence(
    wall: Wall, loudspeaker: tuple[Loudspeaker, FakeStream]
) -> None:
    card, stream = loudspeaker
    assert not stream.want().any(), "nothing was written yet"
    assert card.trouble == 0
    card.write(numbers(1, BLOCK + 5))
    assert stream.want().tolist() == numbers(1).tolist()
    assert stream.want().tolist() == [*range(1 + BLOCK, 6 + BLOCK), *[0] * (BLOCK - 5)]
    assert card.trouble == 1


def test_a_loudspeaker_wants_more_when_little_is_left(
    wall: Wall, loudspeaker: tuple[Loudspeaker, FakeStream]
) -> None:
    card, stream = loudspeaker
    wall.pass_by(stream)
    waits_s = []
    for _ in range(4):
        waits_s.append(card.deadline() - wall.now)
        assert card.heard_at() - card.deadline() == pytest.approx(0.015 + 0.012)
        card.write(numbers(0))
    assert waits_s == pytest.approx([-0.015, -0.005, 0.005, 0.015])


def test_a_loudspeaker_goes_by_its_own_clock(
    wall: Wall, loudspeaker: tuple[Loudspeaker, FakeStream]
) -> None:
    card, stream = loudspeaker
    written = 0
    for _ in range(20 * SECOND):
        wall.now += BLOCK_S * 1.0002  # a slow card
        stream.want()
        while card.deadline() <= wall.now:
            card.write(numbers(0))
            written += 1
    assert written == pytest.approx(20 * SECOND, abs=4)
    assert card.trouble == 0
    assert 0.015 <= card.heard_at() - card.latency_s - wall.now <= 0.026


def test_a_loudspeaker_that_ran_out_has_more_waiting_from_then_on(
    wall: Wall, loudspeaker: tuple[Loudspeaker, FakeStream]
) -> None:
    card, stream = loudspeaker
    leads = []
    for _ in range(14):
        for _ in range(SECOND):
            wall.now += BLOCK_S
            stream.want()
            while card.deadline() <= wall.now:
                card.write(numbers(0))
        leads.append(lead_s(card))
        wall.pass_by(stream, blocks=7)  # the program is away for too long
    early, late = leads[:2], leads[2:]
    assert early == pytest.approx([0.015, 0.015]), "the program has only begun"
    assert late == sorted(late)
    assert late[0] == pytest.approx(0.020)
    assert late[-1] == pytest.approx(0.060), "there is a bound"
    assert card.trouble > 20


def test_more_than_half_a_second_does_not_fit_and_is_counted(
    loudspeaker: tuple[Loudspeaker, FakeStream],
) -> None:
    card, _ = loudspeaker
    card.write(np.zeros(RING, np.int16))
    assert card.trouble == 0
    card.write(numbers(0))
    assert card.trouble == 1


# ── cards that stop ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("side", Side)
def test_a_card_runs_then_stands_still_then_is_gone(
    side: Side, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = use(monkeypatch, device("Headset"))
    card = Card(side, choose(devices(), side, None))
    wall.now += 5  # it takes long to open it
    card.start()
    wall.now += 0.9
    assert (card.runs(wall.now), card.gone(wall.now)) == (False, False)
    assert card.gone(wall.now + 0.2)
    wall.pass_by(sound.streams[0])
    for after_s, runs, gone in ((0.0, True, False), (0.5, False, False), (1.1, False, True)):
        assert card.runs(wall.now + after_s) == runs
        assert card.gone(wall.now + after_s) == gone
        assert not card.lost(wall.now + after_s), "it can be closed"


def test_a_card_of_jack_that_stands_still_must_not_be_closed(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = use(monkeypatch, device("system", host=1))
    card = Microphone(choose(devices(), Side.INPUT, None))
    card.start()
    wall.pass_by(sound.streams[0])
    assert not card.lost(wall.now)
    assert card.lost(wall.now + 0.5)
