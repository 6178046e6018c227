import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import ConfigError
from pymix_voice.zone.table import Table, is_name, key_text, parse_file, quoted


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_one_sentence(text: bytes) -> None:
    try:
        table = parse_file(text, "x.toml")
    except ConfigError as error:
        sentence = str(error)
    else:
        sentence = str(table.error("key", "is odd", "something else is wanted"))
    assert sentence.startswith("x.toml: ")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"a = [" + b"[" * 100_000, "nested too deep"),
        (b"a = " + b"9" * 5000, "not TOML"),
        (b"a = b", "not TOML at line 1"),
        (b"a = 1\na = 2", "set twice"),
        (b"\xff\xfe", "not a text file"),
        (b"#" * (1 << 21), "far too long"),
        (b"b = 1\na" + b".a" * 400_000 + b" = 1", "line 2 has 400000 dots"),
        (b"[a" + b".'='" * 201 + b"]", "line 1 has 201 dots"),
    ],
    ids=["deep", "huge", "bare", "twice", "binary", "long", "dotted", "dotted head"],
)
def test_what_is_not_toml_is_told_in_a_sentence(text: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_file(text, "x.toml")


def test_dots_that_are_no_keys_are_taken() -> None:
    host = ".".join(["a"] * 127)
    text = f'  # {"." * 500}\naddress = "{host}:5000"'
    assert parse_file(text.encode(), "x.toml").text("address") == f"{host}:5000"


def test_syntax_errors_do_not_quote_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_file(b"[geheim]\nx = 1\n[geheim]\n", "x.toml")
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_unknown_key_is_named_with_the_nearest_known_one() -> None:
    table = Table({"clinets": 1}, "x.toml", "mixes[2]")
    with pytest.raises(ConfigError, match=r"'clinets' in mixes\[2\]; did you mean 'clients'\?"):
        table.known(["name", "clients"])


def test_unknown_key_like_nothing_lists_what_is_known() -> None:
    with pytest.raises(ConfigError, match="known are name, clients"):
        Table({"zzz": 1}, "x.toml").known(["name", "clients"])


def test_unknown_key_that_could_be_a_secret_is_not_repeated() -> None:
    secret = key_text(bytes(range(32)))
    with pytest.raises(ConfigError, match="of 52 characters") as caught:
        Table({secret: 1}, "x.toml").known(["name"])
    assert secret not in str(caught.value)


@pytest.mark.parametrize("size", [16, 32])
def test_keys_are_read_from_base32_and_hexadecimal_in_any_case(size: int) -> None:
    key = bytes(range(200, 200 + size))
    for text in (key_text(key), key_text(key).upper(), key.hex(), key.hex().upper()):
        assert Table({"k": text}, "x").key("k", size) == key


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has 0 characters"),
        ("a" * 51, "has 51 characters"),
        ("a" * 51 + "1", "do not belong"),
        ("a" * 51 + "b", "not the text of any key"),
        ("g" * 64, "do not belong"),
        ("ä" * 52, "do not belong"),
        ("a" * 48 + "====", "do not belong|not the text"),
        (" " * 64, "not the text"),
    ],
)
def test_mistyped_keys_are_refused_without_repeating_them(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        Table({"k": text}, "x").key("k", 32)
    assert not text or text not in str(caught.value)


@FUZZ
@given(st.text(alphabet="abcf27= 0189GZ-\u00e4", max_size=70), st.sampled_from([16, 32]))
def test_any_text_is_a_key_or_refused(text: str, size: int) -> None:
    table = Table({"k": text}, "x")
    try:
        key = table.key("k", size)
    except ConfigError:
        return
    assert text.lower() in (key.hex(), key_text(key))


def test_whole_numbers_have_bounds_kinds_and_defaults() -> None:
    table = Table({"n": 5, "yes": True, "half": 0.5, "huge": 10**40}, "x")
    assert table.whole("n", None, 1, 9) == 5
    assert table.whole("none", 7, 1, 9) == 7
    with pytest.raises(ConfigError, match="x: n is 5, but a whole number from 6 to 9 is wanted"):
        table.whole("n", None, 6, 9)
    with pytest.raises(ConfigError, match="is missing"):
        table.whole("none", None, 1, 9)
    with pytest.raises(ConfigError, match="yes is true or false"):
        table.whole("yes", None, 1, 9)
    with pytest.raises(ConfigError, match="half is a number"):
        table.whole("half", None, 1, 9)
    with pytest.raises(ConfigError, match="huge is a huge number"):
        table.whole("huge", None, 1, 9)


def test_numbers_have_bounds_and_nan_is_none_of_them() -> None:
    table = Table({"n": 2, "nan": float("nan"), "inf": float("inf"), "t": "2"}, "x")
    assert table.number("n", 1.0, 0.0, 9.0) == 2.0
    assert table.number("none", 1.0, 0.0, 9.0) == 1.0
    for key in ("nan", "inf", "t"):
        with pytest.raises(ConfigError, match=f"x: {key} is"):
            table.number(key, 1.0, 0.0, 9.0)


def test_names_are_short_and_plain() -> None:
    assert all(is_name(name) for name in ("a", "mix-1", "0", "a" * 32))
    wrong = ("", "-a", "a-", "A", "a b", "a" * 33, "é", "a\n", 'a"')
    assert not any(is_name(name) for name in wrong)


def test_lists_of_tables_are_numbered_for_people_from_one() -> None:
    parts = Table({"mixes": [{"a": 1}, {"a": 2}]}, "x").tables("mixes", 2)
    assert (
        str(parts[1].error("a", "is odd", "b is wanted")) == "x: mixes[2].a is odd, but b is wanted"
    )
    wrong: object
    for wrong in ([], [1], {}, 3, [{}, {}, {}]):
        with pytest.raises(ConfigError, match=r"\[\[mixes\]\]"):
            Table({"mixes": wrong}, "x").tables("mixes", 2)


def test_a_list_that_may_be_missing_may_be_empty_too() -> None:
    assert Table({}, "x").tables("people", 2, 0) == []
    assert Table({"people": []}, "x").tables("people", 2, 0) == []
    with pytest.raises(ConfigError, match="x: people are 3, but 0 to 2 tables are wanted"):
        Table({"people": [{}, {}, {}]}, "x").tables("people", 2, 0)


def test_flags_are_true_false_or_their_default() -> None:
    table = Table({"yes": True, "text": "true", "one": 1}, "x")
    assert table.flag("yes", default=False)
    assert table.flag("none", default=True)
    with pytest.raises(ConfigError, match="x: text is a text, but true or false is wanted"):
        table.flag("text", default=True)
    with pytest.raises(ConfigError, match="x: one is a whole number"):
        table.flag("one", default=True)


def test_what_a_reader_refuses_is_told_with_its_place() -> None:
    def refuse(text: str) -> str:
        raise ConfigError("this is odd")

    table = Table({"a": "b", "n": 1}, "x", "people[2]")
    assert table.read("a", str.upper) == "B"
    with pytest.raises(ConfigError, match=r"^x: people\[2\].a: this is odd$"):
        table.read("a", refuse)
    with pytest.raises(ConfigError, match="is a whole number, but a text"):
        table.read("n", refuse)


@FUZZ
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_reads_back_from_its_quotes(text: str) -> None:
    assert parse_file(f"t = {quoted(text)}".encode(), "x").text("t") == text


def test_a_secret_in_the_place_of_a_key_is_not_told() -> None:
    door = key_text(bytes(range(16)))
    with pytest.raises(ConfigError, match="unknown key of 26 characters") as caught:
        parse_file(f'{door} = ""'.encode(), "x.toml").known(["door"])
    assert door not in str(caught.value)
