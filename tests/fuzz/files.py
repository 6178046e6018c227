"""Files that a person wrote, or that somebody else may have: either read, or a sentence."""

import io
import re
import tomllib
from collections.abc import Sequence

import numpy as np
import soundfile
from madeup import cost, latency, quality
from zones import example_keys, example_zone

from fuzz.harness import Harness, file_of, is_sentence
from pymix_voice.client.contacts import Contact, Contacts, parse_contacts, render_contacts
from pymix_voice.edge.files import SignedFile
from pymix_voice.errors import ConfigError, SoundError
from pymix_voice.lab.audit.notes import Page, read_page, write_page
from pymix_voice.lab.relay.witness import Witness, read_seen
from pymix_voice.lab.report.results import read, rendered, taken
from pymix_voice.onion.dice import Dice
from pymix_voice.voice.recordings import MAX_SECONDS, read_recording
from pymix_voice.zone.address import Address, hide_addresses, looks_like_address, parse_address
from pymix_voice.zone.keyfile import IDENTITY, new_key, parse_key, render_key
from pymix_voice.zone.names import LONGEST_NAME, folded, personal_name
from pymix_voice.zone.table import quoted
from pymix_voice.zone.zonefile import parse_place, parse_zone, place, render_zone

_DICE = Dice.seeded(4)
ME = new_key(IDENTITY, "Zoë 二", _DICE)
_TELLING = re.compile(r"pymix1[a-z2-7]{10,}|\b[a-z2-7]{24,}\b", re.IGNORECASE)


def zone_files(data: bytes) -> None:
    """A zone that was read is written so that it is read again as the same zone."""
    try:
        zone = parse_zone(data, "zone.toml")
    except ConfigError as error:
        is_sentence(error)
        return
    again = parse_zone(render_zone(zone).encode(), "zone.toml")
    assert again == zone
    assert again.hash == zone.hash


def key_files(data: bytes) -> None:
    """Likewise; and an error tells no key."""
    try:
        keys = parse_key(data, "me.key")
    except ConfigError as error:
        is_sentence(error)
        assert not _TELLING.search(str(error))
        return
    text = render_key(keys)
    assert render_key(parse_key(text.encode(), "me.key")) == text


def contact_files(data: bytes) -> None:
    """Likewise; and an error tells no address."""
    try:
        book = parse_contacts(data, "contacts.toml")
    except ConfigError as error:
        is_sentence(error)
        assert not _TELLING.search(str(error))
        return
    assert parse_contacts(render_contacts(book).encode(), "contacts.toml") == book
    for contact in book:
        assert book.find(contact.name.swapcase()) in book


def addresses(data: bytes) -> None:
    """One address has one text; and behind the checksum, too, only usable keys are taken."""
    text = data.decode(errors="replace")
    try:
        found = parse_address(text)
    except ConfigError as error:
        is_sentence(error)
        assert not _TELLING.search(str(error))
    else:
        assert looks_like_address(text)
        said = (c for c in text.lower() if c.isascii() and c.isalnum())
        assert found.text == "".join(said), "one address has one text"
        assert parse_address(found.text) == found
    assert not _TELLING.search(hide_addresses(text))
    raw = data[:48].ljust(48, b"\1")
    made = Address(raw[:32], raw[32:])
    try:
        assert parse_address(f" {made.text.upper()}\n") == made
    except ConfigError as error:
        assert "no usable key" in str(error)


def names(data: bytes) -> None:
    """A name has one form, fits a line, and is read from a file as it was written."""
    text = data.decode(errors="replace")
    try:
        name = personal_name(text)
    except ConfigError as error:
        is_sentence(error)
    else:
        assert personal_name(name) == name
        assert 0 < len(name) <= LONGEST_NAME
        assert folded(folded(name)) == folded(name)
    assert tomllib.loads(f"a = {quoted(text)}")["a"] == text


def places(data: bytes) -> None:
    """A host and port are written as they are read."""
    text = data.decode(errors="replace")
    try:
        host, port = parse_place(text)
    except ValueError:
        return
    assert parse_place(place(host, port)) == (host, port)


def signed_files(data: bytes) -> None:
    """The number of an epoch, or a sentence."""
    file_of(data, "mix.signed")
    file = SignedFile(file_of(b"", "mix.key"))
    try:
        epoch = file.read()
    except ConfigError as error:
        assert "epoch" in str(error)
        return
    assert 0 <= epoch < 10**18


def results_files(data: bytes) -> None:
    """Results that were read are written so that they are read again as the same."""
    path = file_of(data, "results.json")
    try:
        found = read(path)
    except ConfigError as error:
        assert "\n" not in str(error)
        return
    assert read(file_of(rendered(found), "again.json")) == found


def recordings(data: bytes) -> None:
    """Sound of any file that libsndfile takes: int16, not longer than an hour; or a sentence."""
    try:
        pcm = read_recording(file_of(data, "said.wav"))
    except SoundError as error:
        is_sentence(error)
        return
    assert pcm.dtype == np.int16
    assert pcm.ndim == 1
    assert len(pcm) <= (MAX_SECONDS + 1) * 48_000


def seen_files(data: bytes) -> None:
    """What a relay has seen: four columns of one length; or a sentence."""
    try:
        seen = read_seen(file_of(data, "seen.npz"))
    except ConfigError:
        return
    assert len({len(column) for column in (seen.at, *seen[2:])}) == 1
    for ends in (seen.sources, seen.destinations):
        assert not len(ends) or 0 <= ends.min() <= ends.max() < len(seen.ends)


def page_files(data: bytes) -> None:
    """A corrupt part's notes that were read are written so that they are read again as the same."""
    try:
        page = read_page(file_of(data, "mix1.page"))
    except ConfigError as error:
        is_sentence(error)
        return
    again = file_of(b"", "again.page")
    write_page(page, again)
    written = again.read_bytes()
    write_page(read_page(again), again)
    assert again.read_bytes() == written


def _keys() -> Sequence[bytes]:
    (mix, *_), (gateway, *_) = example_keys(1)
    return [render_key(keys).encode() for keys in (mix, gateway, ME)]


def _contacts() -> Sequence[bytes]:
    book = Contacts(
        tuple(
            Contact(name, new_key(IDENTITY, name, _DICE).address, verified=name == "Bob")
            for name in ("Bob", "Čeněk", 'O"Hara \\')
        )
    )
    return [render_contacts(book).encode(), b""]


def _results() -> Sequence[bytes]:
    told = {"latency": latency(), "quality": quality(), "cost": cost()}
    for run in told["latency"]["runs"] + told["latency"]["beside"]:
        run["values_ms"] = [1.5]
    told["quality"]["quality"] = told["quality"]["quality"][:1]
    return [rendered(taken({name: each})) for name, each in told.items()]


def _recordings() -> Sequence[bytes]:
    samples = np.sin(np.arange(48)).astype(np.float32).reshape(-1, 2)
    ways = [
        *(("WAV", kind) for kind in ("PCM_16", "PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW")),
        *(("WAV", kind) for kind in ("IMA_ADPCM", "MS_ADPCM", "GSM610")),
        *(("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("W64", "PCM_16")),
        *(("OGG", "VORBIS"), ("OGG", "OPUS"), ("CAF", "ALAC_16"), ("RF64", "PCM_16")),
    ]
    made = []
    for kind, subtype in ways:
        file = io.BytesIO()
        sound = samples[:, :1] if subtype == "GSM610" else samples
        soundfile.write(file, sound, 8000, format=kind, subtype=subtype)
        made.append(file.getvalue())
    return made


def _seen() -> Sequence[bytes]:
    witness = Witness()
    source, sink = witness.end("gateway1"), witness.end("mix1")
    for at in range(3):
        witness.saw(source, sink, 152, at / 50)
    path = file_of(b"", "witness.npz")
    witness.write(path)
    return [path.read_bytes()]


def _pages() -> Sequence[bytes]:
    gateway = Page(whose={7: [":5001", ""]}, present={1400: (7, [True, False])})
    last = Page({7: [1, 0]}, odd={1400: (7, [0.5, 1.0])}, differs={1400: -1}, spoils={8: [1]})
    made = []
    for page in (gateway, last, Page(changed={1403: 1}, doors={7: [bytes(16)]})):
        path = file_of(b"", "some.page")
        write_page(page, path)
        made.append(path.read_bytes())
    return made


HARNESSES = (
    Harness(zone_files, lambda: [render_zone(example_zone()).encode()], 50, 3000, 400),
    Harness(key_files, _keys, 60, 800, 800),
    Harness(contact_files, _contacts, 60, 1200, 800),
    Harness(
        addresses, lambda: [ME.address.text.encode(), ME.address.identity + bytes(16)], 60, 200
    ),
    Harness(names, lambda: ["Zoë".encode(), b"x" * 41, b"-a", b" a  b "], 150, 128),
    Harness(places, lambda: [b"mix.example.net:7101", b"[::1]:5", b"10.0.0.1:80"], 400, 64),
    Harness(signed_files, lambda: [b"450000\n"], 30, 32),
    Harness(results_files, _results, 40, 4000, 400),
    Harness(recordings, _recordings, 15, 2000, 400),
    Harness(seen_files, _seen, 4, 2000, 240),
    Harness(page_files, _pages, 60, 600, 400),
)
