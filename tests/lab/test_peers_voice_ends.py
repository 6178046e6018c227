"""Two ends without a zone: what goes between them, and that each hears what the other said."""

from pathlib import Path

import numpy as np
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from sizes import BODY_BYTES

from pymix_voice.edge.ears import RecordingEar
from pymix_voice.edge.mouths import RecordedMouth
from pymix_voice.edge.sound import Sound
from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab.measure import correlation
from pymix_voice.lab.outcome import Way
from pymix_voice.lab.peers import direct
from pymix_voice.lab.peers.beside import Scheme, one_of, shortened
from pymix_voice.lab.peers.carriers import MOST_BYTES, BadStreamError, Framing, framed
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.peers.socks import request
from pymix_voice.lab.peers.voice_ends import NO_BODY, End, Kind, pack, unpack
from pymix_voice.lab.peers.voices import Voice, voice_of
from pymix_voice.lab.processes import PartError
from pymix_voice.lab.zoning import CALLEE_SAYS, CALLER_SAYS, samples
from pymix_voice.voice.recordings import read_recording

START = 1000.0
STEP_S = 0.005
WAY_S = 0.010
"""From one end to the other, in virtual time."""

RECORDS = st.lists(st.binary(max_size=MOST_BYTES), max_size=5)


# ── what goes between ────────────────────────────────────────────────────────────────────────


@given(RECORDS, st.lists(st.integers(0, 5 * MOST_BYTES), max_size=8))
def test_a_stream_gives_back_the_records_however_it_is_cut(
    records: list[bytes], cuts: list[int]
) -> None:
    whole = b"".join(framed(record) for record in records)
    framing, came, at = Framing(), [], 0
    for cut in [*sorted(cuts), len(whole)]:
        came += framing.feed(whole[at:cut])
        at = max(at, cut)
    assert came == records


@given(st.integers(MOST_BYTES + 1, 65_535))
def test_a_length_that_no_record_has_ends_a_stream(length: int) -> None:
    framing = Framing()
    assert framing.feed(framed(b"good")) == [b"good"]
    with pytest.raises(BadStreamError):
        framing.feed(length.to_bytes(2))


@given(
    st.sampled_from(Kind),
    st.integers(0, (1 << 64) - 1),
    st.binary(min_size=BODY_BYTES, max_size=BODY_BYTES),
)
def test_a_record_is_read_as_it_was_made(kind: Kind, number: int, body: bytes) -> None:
    record = pack(kind, number, body)
    assert len(record) == 9 + BODY_BYTES
    assert unpack(record) == (kind, number, body)


@given(st.binary(max_size=200))
def test_what_is_no_record_is_none(junk: bytes) -> None:
    if len(junk) != 9 + BODY_BYTES or junk[0] > max(Kind):
        assert unpack(junk) is None


def test_a_proxy_is_asked_for_an_address_or_for_a_name() -> None:
    assert request("127.0.0.1", 258, 7) == b"\x04\x01\x01\x02\x7f\0\0\x017\0"
    assert request("abc.onion", 258) == b"\x04\x01\x01\x02\0\0\0\x010\0abc.onion\0"


# ── ends in virtual time ─────────────────────────────────────────────────────────────────────


def end(said: Path, heard: Path, now: float, hum_rounds: int) -> tuple[End, RecordedMouth]:
    mouth = RecordedMouth(read_recording(said))
    return End(Sound(mouth, RecordingEar(heard), 1), now, hum_rounds), mouth


@pytest.mark.slow
def test_both_hum_then_talk_then_end_and_hear_each_other(tmp_path: Path) -> None:
    said = shortened((samples() / CALLER_SAYS, samples() / CALLEE_SAYS), tmp_path, 2.0)
    heard = tmp_path / "first.wav", tmp_path / "second.wav"
    one, _ = end(said[0], heard[0], START, hum_rounds=60)
    other, _ = end(said[1], heard[1], START + 0.007, hum_rounds=60)
    under_way: list[tuple[float, End, bytes]] = []
    kinds: dict[End, list[Kind]] = {one: [], other: []}
    now = START
    while not (one.over and other.over):
        assert now < START + 10
        for each, peer in ((one, other), (other, one)):
            if each.deadline() <= now:
                each.handle_deadline(now)
            under_way += [(now + WAY_S, peer, record) for record in each.outgoing]
            kinds[each] += [known[0] for record in each.outgoing if (known := unpack(record))]
            each.outgoing.clear()
        for due, peer, record in [item for item in under_way if item[0] <= now]:
            peer.take(record, due)
        under_way = [item for item in under_way if item[0] > now]
        now += STEP_S
    for sent in kinds.values():
        assert sent == sorted(sent), "hum, then voice, then that all was said"
        assert set(sent) == set(Kind)
    for peer, spoke, file in ((one, said[1], heard[0]), (other, said[0], heard[1])):
        assert peer.ended is not None
        assert peer.ended.playout.counts.heard >= 95
        assert correlation(read_recording(spoke), read_recording(file)) > 0.95


def test_an_end_forgets_what_is_no_record(tmp_path: Path) -> None:
    said = shortened((samples() / CALLER_SAYS, samples() / CALLEE_SAYS), tmp_path, 0.5)
    alone, _ = end(said[0], tmp_path / "heard.wav", START, hum_rounds=1)
    for junk in (b"", b"\xff" * 120, NO_BODY):
        alone.take(junk, START)
    alone.handle_deadline(START)
    assert [unpack(record) is not None for record in alone.outgoing] == [True]
    assert alone.outgoing[0][0] == Kind.HUM, "nobody was heard yet"


# ── what is made of it ───────────────────────────────────────────────────────────────────────


async def test_what_fails_is_missing_with_its_reason(tmp_path: Path) -> None:
    async def fails(said: tuple[Path, Path], folder: Path) -> Voice:
        raise ExceptionGroup("parts", [PartError("first ended with exit code 1")])

    scheme = Scheme("broken", "carries nothing", fails)
    voice = await one_of(scheme, (tmp_path, tmp_path), tmp_path / "broken")
    assert voice.missing == "first ended with exit code 1"
    assert (voice.scheme, voice.values_ms, voice.percentile(50)) == ("broken", [], None)


async def test_a_mistake_of_our_own_is_not_taken_for_missing(tmp_path: Path) -> None:
    async def wrong(said: tuple[Path, Path], folder: Path) -> Voice:
        raise ExceptionGroup("parts", [PartError("ended"), ZeroDivisionError()])

    scheme = Scheme("wrong", "carries nothing", wrong)
    with pytest.raises(ExceptionGroup):
        await one_of(scheme, (tmp_path, tmp_path), tmp_path / "wrong")


async def test_what_takes_too_long_is_missing(tmp_path: Path) -> None:
    async def sleeps(said: tuple[Path, Path], folder: Path) -> Voice:
        await trio.sleep_forever()
        raise AssertionError("it never ends")

    scheme = Scheme("slow", "carries nothing", sleeps, within_s=0.01)
    voice = await one_of(scheme, (tmp_path, tmp_path), tmp_path / "slow")
    assert voice.missing == "it did not end within 0 s"


def test_a_way_on_which_nothing_came_is_no_measurement(tmp_path: Path) -> None:
    way = Way("first_to_second", {}, {"frames_heard": 0}, tmp_path, tmp_path)
    with pytest.raises(PeerError, match="first to second"):
        voice_of("none", "nothing", (way, way))


@pytest.mark.patient
@pytest.mark.slow
async def test_two_real_ends_hear_each_other_over_datagrams(tmp_path: Path) -> None:
    said = shortened((samples() / CALLER_SAYS, samples() / CALLEE_SAYS), tmp_path, 3.0)
    voice = await direct.measure(said, tmp_path, hum_rounds=100)
    assert voice.missing is None
    assert voice.correlation > 0.95
    assert voice.loss < 0.05
    assert len(voice.values_ms) > 8
    half = voice.percentile(50)
    assert half is not None
    assert 30 < half < 200
    assert len(read_recording(said[0])) == 3 * SAMPLE_RATE
    assert np.all(np.array(voice.values_ms) > 25), "a frame is spoken before it is sent"
