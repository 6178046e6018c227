"""Recordings: what cannot be used is refused in one sentence, what is written is whole."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pymix_voice.errors import Misuse, SoundError
from pymix_voice.voice.recordings import Recorder, read_recording


def tone(seconds: float, rate: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def test_a_48_khz_mono_file_is_read_bit_for_bit(tmp_path: Path) -> None:
    pcm = np.random.default_rng(3).integers(-32768, 32767, 60_000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", pcm, 48_000, subtype="PCM_16")
    read = read_recording(tmp_path / "a.wav")
    assert read.dtype == np.int16
    assert np.array_equal(read, pcm)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000])
@pytest.mark.parametrize(("suffix", "channels"), [("wav", 1), ("flac", 2)])
def test_any_rate_and_channels_become_48_khz_mono(
    tmp_path: Path, rate: int, suffix: str, channels: int
) -> None:
    sound = np.repeat(tone(1.5, rate)[:, None], channels, axis=1)
    soundfile.write(tmp_path / f"a.{suffix}", sound, rate)
    read = read_recording(tmp_path / f"a.{suffix}")
    assert abs(len(read) - 72_000) <= 2
    wanted = tone(1.5, 48_000)[1000:70_000] * 32768
    assert np.abs(read[1000:70_000] - wanted).max() < 20


def test_channels_are_averaged(tmp_path: Path) -> None:
    both = np.tile(np.array([[1000, 3000]], dtype=np.int16), (960, 1))
    soundfile.write(tmp_path / "a.wav", both, 48_000)
    assert set(read_recording(tmp_path / "a.wav").tolist()) == {2000}


def test_too_loud_is_clipped_and_no_number_is_silence(tmp_path: Path) -> None:
    samples = np.array([2.0, -2.0, np.nan, 0.0])
    soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="FLOAT")
    assert read_recording(tmp_path / "a.wav").tolist() == [32767, -32768, 0, 0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match=r"no file gone\.wav"):
        read_recording(tmp_path / "gone.wav")


def test_a_folder_is_not_a_recording(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="cannot be read"):
        read_recording(tmp_path)


@pytest.mark.parametrize("name", ["a.wav", "a.txt", "a"])
def test_a_file_of_text_is_not_a_recording(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("hello " * 100)
    with pytest.raises(SoundError, match="not a recording"):
        read_recording(tmp_path / name)


def test_a_headerless_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(2000))
    with pytest.raises(SoundError, match="no header"):
        read_recording(tmp_path / "a.raw")


def test_an_empty_recording_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 48_000)
    with pytest.raises(SoundError, match="empty"):
        read_recording(tmp_path / "a.wav")


def test_more_than_an_hour_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(4_000 * 3601, dtype=np.int16), 4_000)
    with pytest.raises(SoundError, match="60 minutes"):
        read_recording(tmp_path / "a.wav")


def test_an_odd_rate_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 100)
    with pytest.raises(SoundError, match="100 samples a second"):
        read_recording(tmp_path / "a.wav")


@given(st.binary(max_size=200), st.integers(0, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, damage: bytes, at: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.01, 16_000), 16_000)
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + damage + whole[at + len(damage) :])
    with suppress(SoundError):
        assert read_recording(path).dtype == np.int16


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    pcm = np.random.default_rng(4).integers(-32768, 32767, 4800).astype(np.int16)
    with Recorder(tmp_path / "out.wav") as recorder:
        for piece in pcm.reshape(-1, 960):
            recorder.write(piece)
    assert recorder.samples == 4800
    assert np.array_equal(read_recording(tmp_path / "out.wav"), pcm)
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]


def test_without_a_sample_no_file_is_made_and_the_old_one_stays(tmp_path: Path) -> None:
    (tmp_path / "out.wav").write_bytes(b"old")
    with Recorder(tmp_path / "out.wav"):
        pass
    assert (tmp_path / "out.wav").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "out.wav").write_bytes(b"old")
    recorder = Recorder(tmp_path / "out.wav")
    recorder.write(np.ones(960, dtype=np.int16))
    assert (tmp_path / "out.wav").read_bytes() == b"old"
    recorder.close()
    recorder.close()
    assert len(read_recording(tmp_path / "out.wav")) == 960


def test_a_place_that_does_not_exist_is_told(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "nowhere" / "out.wav")
    with pytest.raises(SoundError, match=r"out\.wav cannot be written"):
        recorder.write(np.ones(960, dtype=np.int16))
    recorder.close()


def test_writing_after_the_end_is_a_fault(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.wav")
    recorder.close()
    with pytest.raises(Misuse):
        recorder.write(np.ones(960, dtype=np.int16))


def test_samples_of_another_kind_are_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Misuse):
        Recorder(tmp_path / "out.wav").write(np.ones((960, 1), dtype=np.int16))


def test_the_samples_of_the_project_can_be_read() -> None:
    folder = Path(__file__).parents[2] / "samples"
    names = sorted(path.name for path in folder.glob("*.wav"))
    assert len(names) >= 3
    for name in names:
        assert 4 * 48_000 <= len(read_recording(folder / name)) <= 12 * 48_000


def test_a_kind_in_which_one_cannot_seek_is_read_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "gsm.wav", tone(1.0, 8_000), 8_000, subtype="GSM610")
    read = read_recording(tmp_path / "gsm.wav")
    assert 48_000 <= len(read) <= 50_000
    assert np.abs(read).max() > 8_000


@pytest.mark.parametrize("rate", [48_000, 44_100])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 3e38])
def test_a_value_that_is_no_sound_spoils_nothing_around_it(
    tmp_path: Path, rate: int, wrong: float
) -> None:
    sound = np.repeat(tone(1.0, rate)[:, None], 2, axis=1)
    sound[rate // 2, 0] = wrong
    sound[rate // 2, 1] = -wrong if wrong == 3e38 else wrong
    soundfile.write(tmp_path / "wrong.wav", sound, rate, subtype="FLOAT")
    read = read_recording(tmp_path / "wrong.wav")
    wanted = tone(1.0, 48_000)[1000:20_000] * 32768
    assert np.abs(read[1000:20_000] - wanted).max() < 20


def test_a_file_that_sends_its_reader_to_nowhere_is_refused_without_a_word_more(
    tmp_path: Path,
) -> None:
    """Such a seek raised inside libsndfile's callback: a traceback on a person's terminal."""
    raw = (
        "464f524d0000008e41494646434f4d4d000000120002008000180010400bfa0000000000000053534ea1"
        "6a4e0068000000000000000000006bb5746312109f218541dc3c54187ea334c0ba5d8000bb5135c87ecc"
        "533cdb2584f09fdf132f74db93f4"
    )
    (tmp_path / "nowhere.aiff").write_bytes(bytes.fromhex(raw))
    with pytest.raises(SoundError):
        read_recording(tmp_path / "nowhere.aiff")
