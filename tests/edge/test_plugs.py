"""Plugs: devices that are opened once, go away in the middle of a call, and come back."""

import sys
import threading

import numpy as np
import pytest
import trio
import trio.testing
from eventually import eventually
from fakesound import FakeSound, FakeStream, Wall, device, use

from pymix_voice.edge import devices as sound_devices
from pymix_voice.edge import plugs as plugs_module
from pymix_voice.edge.cards import GONE_S
from pymix_voice.edge.ears import LiveEar
from pymix_voice.edge.mouths import LiveMouth
from pymix_voice.edge.plugs import Plugs, Wanted
from pymix_voice.errors import SoundError

pytestmark = pytest.mark.live

JACK = 1
STOPPED = "the {} stopped; this goes on without sound until it is back"


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """Tests are quick: what takes seconds takes milliseconds."""
    for name in ("LOOK_EVERY_S", "TRY_EVERY_S"):
        monkeypatch.setattr(plugs_module, name, 0.005)
    return Wall(monkeypatch)


class Client:
    """What uses the devices."""

    def __init__(self, sound: FakeSound, wanted: Wanted = Wanted()) -> None:  # noqa: B008
        self.sound = sound
        self.mouth, self.ear = LiveMouth(None), LiveEar(None)
        self.plugs = Plugs(self.mouth, self.ear, wanted)
        self.notes: list[str] = []
        self.plugs.open()
        self.plugs.plug()

    @property
    def streams(self) -> list[FakeStream]:
        """Those in use: a microphone, a loudspeaker."""
        return self.sound.streams[-2:]

    async def noted(self, *notes: str) -> None:
        await eventually(lambda: self.notes == list(notes))

    def works(self, wall: Wall) -> bool:
        """Whether it hears the microphone, and its loudspeaker is given sound."""
        microphone, loudspeaker = self.streams
        played = frame = np.zeros(0, np.int16)
        for _ in range(5):
            for _ in range(2):
                wall.now += 0.01
                microphone.hear(np.full(480, 99, np.int16))
                played = loudspeaker.want()
                while wish := self.ear.wish(wall.now).samples:
                    self.ear.write(np.full(wish, 7, np.int16))
            frame = self.mouth.read(wall.now)
        return bool(played.all() and frame.any())


def stop(client: Client, wall: Wall, which: tuple[int, ...]) -> None:
    """These streams ask for nothing any more; the others do."""
    wall.now += GONE_S + 0.1
    for number, stream in enumerate(client.streams):
        if number not in which:
            stream.ask()


# ── opening ──────────────────────────────────────────────────────────────────────────────────


def test_devices_are_opened_as_wanted_and_named(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = use(monkeypatch, device("inside"), device("Headset"), device("Monitor", 0, 2))
    client = Client(sound, Wanted("head", "2"))
    assert client.plugs.names == ("Headset", "Monitor")
    assert [stream.kind for stream in client.streams] == ["input", "output"]
    assert [stream.calls for stream in client.streams] == [["start"], ["start"]]
    assert client.works(wall)


def test_only_what_is_needed_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = use(monkeypatch, device("Headset"))
    plugs = Plugs(None, LiveEar(None), Wanted())
    plugs.open()
    plugs.plug()
    assert plugs.names == (None, "Headset")
    assert [stream.kind for stream in sound.streams] == ["output"]


def test_who_needs_no_devices_needs_no_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    plugs = Plugs(None, None, Wanted())
    plugs.open()
    plugs.plug()
    assert plugs.names == (None, None)


@pytest.mark.parametrize("refuses", ["output", "start"])
def test_if_one_device_cannot_be_had_none_stays_open(
    refuses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = 0 if refuses == "output" else 1
    sound = use(monkeypatch, device("Headset", 1, outputs))
    if refuses == "start":
        sound.refuses = "start"
    plugs = Plugs(LiveMouth(None), LiveEar(None), Wanted())
    with pytest.raises(SoundError):
        plugs.open()
    assert sound.open_streams() == []
    assert plugs.names == (None, None)


# ── coming and going ─────────────────────────────────────────────────────────────────────────


async def test_devices_that_work_are_left_alone(
    wall: Wall, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(use(monkeypatch, device("Headset")))
    nursery.start_soon(client.plugs.watch, client.notes.append)
    for _ in range(10):
        wall.pass_by(*client.streams, blocks=50)
        await trio.sleep(0.01)
    assert client.notes == []
    assert client.sound.starts == 1


async def test_a_headset_that_is_gone_is_noticed_and_taken_back(
    wall: Wall, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(use(monkeypatch, device("Headset")))
    assert client.works(wall)
    old = client.streams
    client.sound.found.clear()
    stop(client, wall, (0, 1))
    nursery.start_soon(client.plugs.watch, client.notes.append)
    stopped = STOPPED.format("microphone and the loudspeaker")
    await client.noted(stopped)
    await eventually(lambda: client.sound.starts > 3)  # it is looked for again and again
    assert [stream.calls for stream in old] == [["start", "abort", "close"]] * 2
    assert set(client.plugs.names) == {None}
    assert not np.any(client.mouth.read(wall.now)), "the call goes on, silent"
    assert client.ear.wish(wall.now).samples
    client.sound.found.append(device("Headset"))
    await client.noted(stopped, "sound is back")
    assert client.plugs.names == ("Headset", "Headset")
    assert client.works(wall)


@pytest.mark.parametrize(("which", "thing"), [(0, "microphone"), (1, "loudspeaker")])
async def test_one_device_of_two_is_taken_back_and_the_other_goes_on(
    which: int,
    thing: str,
    wall: Wall,
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client(use(monkeypatch, device("inside"), device("USB")), Wanted("inside", "USB"))
    assert client.works(wall)
    old = client.streams
    stop(client, wall, (which,))
    nursery.start_soon(client.plugs.watch, client.notes.append)
    await client.noted(STOPPED.format(thing), "sound is back")
    # PortAudio looks for devices only when all are closed.
    assert [stream.calls for stream in old] == [["start", "abort", "close"]] * 2
    assert client.plugs.names == ("inside", "USB")
    assert client.works(wall)


async def test_a_gone_jack_server_is_left_behind_and_never_touched(
    wall: Wall, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[object] = []
    monkeypatch.setattr(sound_devices, "abandon", left.extend)
    client = Client(use(monkeypatch, device("system", host=JACK)))
    assert client.works(wall)
    old = client.streams
    old[1].ask()
    wall.now += 0.001  # they do not end at the same instant
    old[0].ask()
    wall.now += GONE_S - 0.0005
    nursery.start_soon(client.plugs.watch, client.notes.append)
    await client.noted(STOPPED.format("loudspeaker"), "sound is back")
    assert left == old
    assert [stream.calls for stream in old] == [["start"], ["start"]]
    assert client.works(wall)


async def test_a_device_that_cannot_be_closed_is_left_behind(
    wall: Wall, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[object] = []
    monkeypatch.setattr(sound_devices, "abandon", left.extend)
    monkeypatch.setattr(plugs_module, "CLOSE_S", 0.05)
    client = Client(use(monkeypatch, device("Headset")))
    assert client.works(wall)
    old = client.streams
    client.sound.hangs = True
    stop(client, wall, (0, 1))
    nursery.start_soon(client.plugs.watch, client.notes.append)
    await client.noted(STOPPED.format("microphone and the loudspeaker"), "sound is back")
    assert left == old
    client.sound.let_go.set()


# ── leaving ──────────────────────────────────────────────────────────────────────────────────


async def test_whoever_leaves_gives_the_devices_back(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(use(monkeypatch, device("system", host=JACK)))
    assert client.works(wall)
    await client.plugs.leave()
    assert client.sound.open_streams() == []
    assert client.plugs.names == (None, None)
    assert not np.any(client.mouth.read(wall.now))


async def test_whoever_leaves_waits_for_what_portaudio_is_doing_just_then(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It was found by a program that ended, and was ended by SIGSEGV.
    begun, go_on = threading.Event(), threading.Event()

    def look() -> None:
        begun.set()
        go_on.wait(10)

    monkeypatch.setattr(sound_devices, "restart", look)
    client = Client(use(monkeypatch, device("Headset")))
    stop(client, wall, (0, 1))
    left = trio.Event()

    async def leave() -> None:
        await client.plugs.leave()
        left.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.plugs.watch, client.notes.append)
        await eventually(begun.is_set)
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert not left.is_set()
        go_on.set()
    assert client.sound.open_streams() == []


@pytest.mark.parametrize("hangs", [False, True])
async def test_whoever_leaves_does_not_wait_for_a_sound_system_that_is_gone(
    hangs: bool, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[object] = []
    monkeypatch.setattr(sound_devices, "leave_behind", left.extend)
    monkeypatch.setattr(plugs_module, "CLOSE_S", 0.05)
    client = Client(use(monkeypatch, device("system", host=0 if hangs else JACK)))
    assert client.works(wall)
    client.sound.hangs = hangs
    wall.now += 0.2  # it is not yet known to be gone
    await client.plugs.leave()
    assert left == client.streams
    assert "close" not in client.streams[0].calls
    client.sound.let_go.set()
