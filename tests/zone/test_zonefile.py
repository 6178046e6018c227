from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ, example_zone

from pymix_voice.errors import ConfigError
from pymix_voice.onion.setup import Klass
from pymix_voice.zone.phantoms import PRESETS, Phantoms, Spread
from pymix_voice.zone.table import key_text
from pymix_voice.zone.zonefile import Zone, parse_zone, place, render_zone

ZONE = example_zone(mixes=3, gateways=2)
TEXT = render_zone(ZONE)
FEW = replace(ZONE, phantoms=PRESETS["few"])
BLURRED = render_zone(FEW)


def read(text: str) -> Zone:
    return parse_zone(text.encode(), "zone.toml")


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize("mixes", [1, 3, 8])
def test_rendered_zone_reads_back_as_it_was(mixes: int) -> None:
    zone = replace(example_zone(mixes, 2), patience_ms=12.5, min_rows=6, sessions_per_prefix=9)
    assert read(render_zone(zone)) == zone
    assert read(render_zone(zone)).hash == zone.hash


def test_comments_and_order_of_keys_do_not_change_the_hash() -> None:
    bare = "\n".join(line for line in TEXT.splitlines() if not line.startswith("#"))
    first, second, rest = bare.strip().split("\n", 2)
    assert read(f"{second}\n{first}\n{rest}").hash == ZONE.hash


def test_optional_keys_have_defaults() -> None:
    optional = ("round_ms", "min_rows", "patience_ms", "sessions_per_prefix")
    text = "\n".join(line for line in TEXT.splitlines() if not line.startswith(optional))
    assert read(text) == ZONE


@pytest.mark.parametrize(
    "other",
    [
        replace(ZONE, name="other"),
        replace(ZONE, clients=21),
        replace(ZONE, min_rows=3),
        replace(ZONE, patience_ms=11.0),
        replace(ZONE, sessions_per_prefix=65),
        replace(ZONE, phantoms=PRESETS["few"]),
        replace(ZONE, phantoms=PRESETS["many"]),
        replace(ZONE, mixes=ZONE.mixes[::-1]),
        replace(ZONE, mixes=ZONE.mixes[:2]),
        replace(ZONE, gateways=ZONE.gateways[:1]),
        replace(ZONE, mixes=(replace(ZONE.mixes[0], port=1), *ZONE.mixes[1:])),
        replace(ZONE, mixes=(replace(ZONE.mixes[0], sign=bytes(32)), *ZONE.mixes[1:])),
        replace(ZONE, gateways=(replace(ZONE.gateways[0], host="x"), ZONE.gateways[1])),
    ],
    ids=str,
)
def test_every_difference_changes_the_hash(other: Zone) -> None:
    assert other.hash != ZONE.hash


def test_hash_and_sizes_are_fixed() -> None:
    assert len(ZONE.hash) == 32
    assert ZONE.geometry.mixes == 3
    assert ZONE.geometry.rows == 40
    assert ZONE.geometry is ZONE.geometry


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("clients =", "clinets =", "unknown key 'clinets'; did you mean 'clients'?"),
        ("clients = 20", "clients = '20'", "clients is a text, but a whole number"),
        ("clients = 20", "", "clients is missing"),
        ("clients = 20", "clients = 0", "clients is 0, but a whole number from 1 to 20000"),
        ("round_ms = 20", "round_ms = 30", "write round_ms = 20, 40 or 60"),
        ("min_rows = 0", "min_rows = 41", "min_rows is 41, but 0 to 2 * clients = 40"),
        ("patience_ms = 10.0", "patience_ms = nan", "patience_ms is nan, but"),
        ('"mix-1"', '"mix-0"', "'mix-0' and 'mix-0' have the same name"),
        ("mix1.example.net", "mix0.example.net", "'mix-0' and 'mix-1' have the same address"),
        ("mix1.example.net:5000", "mix1.example.net", "mixes[2].address has no port"),
        (":6000", ":0", "gateways[1].address has a port that is not possible"),
        (":6000", ":99999", "gateways[1].address has a port that is not possible"),
        (":6000", ":http", "gateways[1].address has a port that is not a number"),
        ("[2001:db8::1]", "2001:db8::1", "gateways[1].address has a host that is no IP"),
        ("[2001:db8::1]", "[fe80::1%eth0]", "gateways[1].address has a host that is no IP"),
        ("mix1.example.net", "1.2.3.256", "mixes[2].address has a host that is no IP"),
        ("mix1.example.net", "-x-", "mixes[2].address has a host that cannot be one"),
        ("mix1.example.net", "a" * 64, "mixes[2].address has a host that cannot be one"),
        ("mix1.example.net", "a." * 130 + "a", "mixes[2].address has a host that cannot be one"),
        ("sign =", "sing =", "unknown key 'sing' in mixes[1]; did you mean 'sign'?"),
        ("[[gateways]]", "[[gateway]]", "unknown key 'gateway'; did you mean 'gateways'?"),
        ("[[gateways]]", "[gateways]", "set twice"),
    ],
)
def test_mistakes_are_told_in_one_clear_sentence(old: str, new: str, told: str) -> None:
    assert old in TEXT
    sentence = refusal(TEXT.replace(old, new, 1))
    assert told in sentence
    assert sentence.startswith("zone.toml: ")
    assert sentence.count("zone.toml") == 1


def test_no_error_repeats_a_key_or_an_address() -> None:
    key = key_text(ZONE.mixes[0].link)
    for wrong in (key[:-1], key + "a", "!" + key[1:], key[:-1] + "b"):
        sentence = refusal(TEXT.replace(key, wrong))
        assert wrong not in sentence
        assert key[:12] not in sentence
    same = TEXT.replace(key_text(ZONE.mixes[1].sign), key)
    assert "'mix-0' and 'mix-1' have the same key" in refusal(same)
    assert "example" not in refusal(TEXT.replace("mix1.example.net", "mix1 example.net"))


def test_zone_without_gateways_or_mixes_is_refused() -> None:
    with pytest.raises(ConfigError, match="no gateway"):
        replace(ZONE, gateways=())
    with pytest.raises(ConfigError, match="0 mixes"):
        replace(ZONE, mixes=())


def test_repr_shows_neither_keys_nor_addresses() -> None:
    shown = repr(ZONE)
    assert "mix-0" in shown
    assert "example.net" not in shown
    assert "2001" not in shown
    assert "link" not in shown


def test_addresses_are_read_in_all_three_forms() -> None:
    for host in ("192.0.2.7", "2001:db8::7", "a_b.example", "localhost"):
        text = TEXT.replace("mix1.example.net:5000", place(host, 7))
        mix = read(text).mixes[1]
        assert (mix.host, mix.port) == (host, 7)


def outcome(text: bytes) -> str:
    try:
        return repr(parse_zone(text, "zone.toml"))
    except ConfigError as error:
        return str(error)


@FUZZ
@given(st.text(max_size=300))
def test_any_host_is_read_or_refused_quickly(host: str) -> None:
    quoted = host.encode("unicode_escape").decode().replace("\\x", "\\u00").replace('"', "")
    told = outcome(TEXT.replace("mix1.example.net", quoted).encode())
    assert told.startswith(("Zone(", "zone.toml: "))


@FUZZ
@given(st.integers(0, len(TEXT) - 1), st.text(max_size=3))
def test_any_change_of_the_text_gives_a_zone_or_a_sentence(at: int, change: str) -> None:
    told = outcome((TEXT[:at] + change + TEXT[at + 1 :]).encode(errors="ignore"))
    assert told.startswith(("Zone(", "zone.toml: "))


@FUZZ
@given(st.text(max_size=40) | st.text(alphabet="aB9-._:[]%", max_size=30))
def test_any_zone_that_was_read_renders_and_reads_again(host: str) -> None:
    text = TEXT.replace("mix1.example.net", host.replace("\\", "").replace('"', ""))
    try:
        zone = read(text)
    except (ConfigError, UnicodeEncodeError):
        return
    assert read(render_zone(zone)) == zone


# ── phantoms ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("phantoms", PRESETS.values(), ids=PRESETS)
def test_phantoms_read_back_as_they_were(phantoms: Phantoms | None) -> None:
    zone = replace(ZONE, phantoms=phantoms)
    assert read(render_zone(zone)) == zone
    assert read(render_zone(zone)).hash == zone.hash


def test_a_zone_has_none_if_its_file_says_nothing_and_room_for_the_most_if_it_does() -> None:
    assert read(TEXT).phantoms is None
    assert ZONE.geometry.most_rows == ZONE.geometry.rows
    few = FEW.phantoms
    assert few is not None
    lines, doors = (few.most(klass) for klass in Klass)
    assert (FEW.geometry.phantom_lines, FEW.geometry.phantom_doors) == (lines, doors)
    assert FEW.geometry.most_rows == 40 + 2 * (lines + doors)


@pytest.mark.parametrize("kind", PRESETS["few"].spreads if PRESETS["few"] else ())
def test_every_kind_of_phantom_is_in_the_hash(kind: str) -> None:
    assert FEW.phantoms is not None
    mean, scale = FEW.phantoms.spreads[kind]
    for other in (Spread(mean + 1, scale), Spread(mean, scale + 0.5)):
        assert replace(FEW, phantoms=replace(FEW.phantoms, **{kind: other})).hash != FEW.hash


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lone_hosts =", "lone_host =", "unknown key 'lone_host' in phantoms; did you mean"),
        ("lone_hosts = { mean = 30, scale = 2.0 }", "", "phantoms.lone_hosts is missing, but all"),
        ("lone_hosts = { mean = 30, scale = 2.0 }", "lone_hosts = 20", "lone_hosts is a whole num"),
        ("lone_hosts = { mean = 30,", "lone_hosts = { mean = 0,", "lone_hosts.mean is 0, but a"),
        ("lone_hosts = { mean = 30,", "lone_hosts = { mean = 1,", "phantoms.lone_hosts has mean 1 "
         "and scale 2, but a mean of 1 to 50 times the scale is wanted"),
        ("lone_hosts = { mean = 30,", "lone_hosts = { mean = 101,", "has mean 101 and scale 2"),
        ("lone_hosts = { mean = 30,", "lone_hosts = { mean = 2.5,", "lone_hosts.mean is a number,"),
        ("lone_plains = { mean = 60, scale = 4.0 }", "lone_plains = { mean = 60 }",
         "phantoms.lone_plains.scale is missing, but a number from 0.1 to"),
        ("lone_plains = { mean = 60,", "lone_plains = { meen = 40,", "unknown key 'meen' in pha"),
        ("lone_plains = { mean = 60, scale = 4.0 }", "lone_plains = { mean = 60, scale = nan }",
         "phantoms.lone_plains.scale is nan"),
        ("clients = 20", "clients = 19800", "the last mix could get 40560 rows, but at most 40000"),
        ("[phantoms]", "[[phantoms]]", "phantoms is a list, but a table is wanted"),
    ],
)  # fmt: skip
def test_mistakes_with_phantoms_are_told_in_one_clear_sentence(
    old: str, new: str, told: str
) -> None:
    assert old in BLURRED
    sentence = refusal(BLURRED.replace(old, new, 1))
    assert told in sentence
    assert sentence.startswith("zone.toml: ")
    assert sentence.count("zone.toml") == 1
