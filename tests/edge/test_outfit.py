"""Outfits: recordings, sound devices or nothing, as a person chose."""

import sys
from pathlib import Path

import numpy as np
import pytest
import trio
from eventually import eventually
from fakesound import Wall, device, use

from pymix_voice.edge import plugs
from pymix_voice.edge.ears import EchoEar, LiveEar, PacedEar, RecordingEar
from pymix_voice.edge.mouths import EchoMouth, LiveMouth, NoMouth, RecordedMouth
from pymix_voice.edge.outfit import Choice, echo_outfit, outfit
from pymix_voice.edge.plugs import Wanted
from pymix_voice.errors import SoundError

SAID = np.zeros(960, np.int16)


@pytest.mark.parametrize(
    ("choice", "mouth", "ear", "names", "kinds"),
    [
        (Choice(), LiveMouth, LiveEar, ("Headset", "Headset"), ["input", "output"]),
        (Choice(SAID), RecordedMouth, LiveEar, ("a recording", "Headset"), ["output"]),
        (
            Choice(output=Path("b.wav")),
            LiveMouth,
            RecordingEar,
            ("Headset", "a recording"),
            ["input"],
        ),
        (Choice(SAID, Path("b.wav")), RecordedMouth, RecordingEar, ("a recording",) * 2, []),
        (Choice(silent=True), NoMouth, PacedEar, ("nothing", "nothing"), []),
        (
            Choice(SAID, silent=True, echo_cancel=True),
            RecordedMouth,
            PacedEar,
            ("a recording", "nothing"),
            [],
        ),
        (
            Choice(wanted=Wanted("usb", "1")),
            LiveMouth,
            LiveEar,
            ("USB", "USB"),
            ["input", "output"],
        ),
    ],
)
def test_each_side_is_what_was_chosen(
    choice: Choice,
    mouth: type[object],
    ear: type[object],
    names: tuple[str, str],
    kinds: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = use(monkeypatch, device("Headset"), device("USB"))
    chosen = outfit(choice, 1)
    assert type(chosen.sound.mouth) is mouth
    assert type(chosen.sound.ear) is ear
    assert chosen.names == names
    assert [stream.kind for stream in sound.open_streams()] == kinds


def test_files_or_silence_need_no_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    for choice in (Choice(silent=True), Choice(SAID, Path("b.wav")), Choice(SAID, silent=True)):
        outfit(choice, 1)
    with pytest.raises(SoundError, match=r"sounddevice was not found"):
        outfit(Choice(), 1)


def test_without_devices_files_are_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    with pytest.raises(SoundError, match=r"no microphone was found.*--silent"):
        outfit(Choice(), 1)


def test_the_echo_test_is_both_sides_at_once_and_uses_no_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    echo = echo_outfit(1)
    assert isinstance(echo.sound.mouth, EchoMouth)
    assert isinstance(echo.sound.ear, EchoEar)
    assert echo.names == ("an echo", "an echo")


@pytest.mark.live
async def test_devices_are_watched_and_given_back_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOOK_EVERY_S", "TRY_EVERY_S"):
        monkeypatch.setattr(plugs, name, 0.005)
    wall = Wall(monkeypatch)
    sound = use(monkeypatch, device("Headset"))
    chosen, notes = outfit(Choice(), 1), list[str]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chosen.watch, notes.append)
        sound.found.clear()
        wall.now += 2
        await eventually(lambda: chosen.names == ("no microphone", "no loudspeaker"))
        sound.found.append(device("other"))
        await eventually(lambda: notes[1:] == ["sound is back"])
        assert chosen.names == ("other", "other")
        wall.pass_by(*sound.streams[-2:])
        nursery.cancel_scope.cancel()
    assert sound.open_streams() == []
