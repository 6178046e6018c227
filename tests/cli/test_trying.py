"""The doctor."""

import ctypes.util
import sys

import pytest

from pymix_voice.cli import main
from pymix_voice.voice import opus


def test_the_doctor_tells_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for part in ("python", "libsodium", "libopus", "libsndfile", "samplerate", "UDP buffer"):
        assert part in told
    assert "MISSING" not in told


def test_what_only_some_people_need_is_not_called_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "optional echo" in told
    assert "pip install pywebrtc-audio" in told


def test_what_is_missing_is_told_with_the_line_that_installs_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opus.load.cache_clear()
    monkeypatch.setattr(opus, "bundled", lambda: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    try:
        assert main(["doctor"]) == 1
    finally:
        opus.load.cache_clear()
    told = capsys.readouterr().out
    assert "MISSING  libopus" in told
    assert "apt-get install libopus0" in told
