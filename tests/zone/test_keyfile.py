import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.onion import curves
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair, Secret
from pymix_voice.zone.address import parse_address
from pymix_voice.zone.keyfile import KeyFile, new_key, parse_key, render_key
from pymix_voice.zone.table import key_text

ROLES = ["mix", "gateway", "identity"]


def example(role: str) -> KeyFile:
    return new_key(role, f"{role}-1", Dice.seeded(3).fork(role))


def secrets(keys: KeyFile) -> list[bytes | None]:
    parts = (keys.link.private, keys.sign, keys.door)
    return [None if part is None else part.reveal() for part in parts]


def shown_secrets(keys: KeyFile) -> list[str]:
    found = [part for part in secrets(keys) if part is not None]
    return [key_text(part) for part in found] + [part.hex() for part in found]


@pytest.mark.parametrize("role", ROLES)
def test_rendered_key_file_reads_back_as_it_was(role: str) -> None:
    keys = example(role)
    read = parse_key(render_key(keys).encode(), "key.toml")
    assert (read.role, read.name, read.link.public) == (role, f"{role}-1", keys.link.public)
    assert secrets(read) == secrets(keys)


def test_each_role_has_its_own_keys() -> None:
    assert [len(part) for part in secrets(example("mix")) if part] == [32, 32]
    assert [len(part) for part in secrets(example("gateway")) if part] == [32]
    assert [len(part) for part in secrets(example("identity")) if part] == [32, 16]


def test_key_files_are_drawn_from_the_dice() -> None:
    assert secrets(example("mix")) == secrets(example("mix"))
    assert secrets(example("mix")) != secrets(new_key("mix", "mix-1", Dice.seeded(4)))


def test_mix_signs_with_its_public_key() -> None:
    keys = example("mix")
    assert keys.sign is not None
    curves.verify(keys.sign_public, b"list", curves.sign(keys.sign.reveal(), b"list"))
    with pytest.raises(Misuse, match="only a mix"):
        _ = example("gateway").sign_public


def test_identity_has_an_address() -> None:
    address = example("identity").address
    assert parse_address(address.text) == address
    assert address.identity == example("identity").link.public
    with pytest.raises(Misuse, match="only an identity"):
        _ = example("mix").address


@pytest.mark.parametrize("role", ROLES)
def test_repr_shows_no_key(role: str) -> None:
    assert repr(example(role)) == f"KeyFile(role='{role}', name='{role}-1')"


@pytest.mark.parametrize("role", ROLES)
def test_public_keys_stand_ready_for_the_zone_file(role: str) -> None:
    keys = example(role)
    assert (key_text(keys.link.public) in render_key(keys)) == (role != "identity")


def test_wiped_keys_are_gone() -> None:
    keys = example("mix")
    keys.wipe()
    with pytest.raises(Misuse):
        secrets(keys)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"mix"', '"mxi"', "key.toml: role is not a known one, but one of mix, gateway, identity"),
        ("role =", "rolle =", "key.toml: role is missing"),
        ("sign =", "door =", "unknown key 'door'"),
        ('name = "mix-1"', "", "name is missing"),
        ('"mix-1"', '"Mix 1"', "name has 5 characters or others than allowed"),
        ('link = "', 'link = "a', "link has 53 characters"),
        ('sign = "', 'sign = "!', "sign has 53 characters|do not belong"),
        ('sign = "', "sign = ", "not TOML at line"),
    ],
)
def test_mistakes_are_told_without_any_key(old: str, new: str, told: str) -> None:
    text = render_key(example("mix"))
    at = text.rindex(old)
    with pytest.raises(ConfigError, match=told) as caught:
        parse_key((text[:at] + new + text[at + len(old) :]).encode(), "key.toml")
    assert not any(secret[:20] in str(caught.value) for secret in shown_secrets(example("mix")))


def test_unknown_roles_and_names_are_refused_when_drawing() -> None:
    with pytest.raises(ConfigError, match="role"):
        new_key("friend", "x", Dice.seeded(1))
    with pytest.raises(ConfigError, match="name"):
        new_key("mix", "Not So", Dice.seeded(1))


@pytest.mark.parametrize("name", ["Anna", 'Zoë \\ "Z" Ünal', "王 小明", "'"])
def test_a_person_may_have_any_name(name: str) -> None:
    keys = example("identity").renamed(name)
    assert keys.name == name
    assert parse_key(render_key(keys).encode(), "key.toml").name == name
    assert new_key("identity", name, Dice.seeded(1)).name == name
    assert secrets(keys) == secrets(example("identity"))


@pytest.mark.parametrize("role", ["mix", "gateway"])
def test_a_hop_keeps_its_plain_name(role: str) -> None:
    with pytest.raises(ConfigError, match="lower-case"):
        example(role).renamed("Anna")
    assert example(role).renamed("other").name == "other"


def test_a_name_in_an_identity_that_no_person_can_have_is_refused() -> None:
    text = render_key(example("identity"))
    with pytest.raises(ConfigError, match=r"^key.toml: name: a name cannot begin with '-'"):
        parse_key(text.replace('"identity-1"', '"-x"').encode(), "key.toml")
    with pytest.raises(ConfigError, match="this name is empty"):
        example("identity").renamed("  ")


def test_a_new_door_is_a_new_address_of_the_same_person() -> None:
    keys = example("identity")
    other = keys.with_new_door(Dice.seeded(8))
    assert (other.name, other.address.identity) == (keys.name, keys.address.identity)
    assert other.address.door_key != keys.address.door_key
    with pytest.raises(Misuse, match="only an identity"):
        example("mix").with_new_door(Dice.seeded(8))


def test_keys_that_do_not_go_with_the_role_are_misuse() -> None:
    link = KeyPair.draw(Dice.seeded(1))
    for wrong in (("mix", None), ("gateway", Secret(bytes(32))), ("identity", None), ("x", None)):
        with pytest.raises(Misuse):
            KeyFile(wrong[0], "x", link, wrong[1])


@FUZZ
@given(st.sampled_from(ROLES), st.integers(0, 400), st.binary(max_size=3))
def test_any_change_gives_keys_or_a_sentence(role: str, at: int, change: bytes) -> None:
    text = render_key(example(role)).encode()
    try:
        told = repr(parse_key(text[:at] + change + text[at + 1 :], "key.toml"))
    except ConfigError as error:
        told = str(error)
    assert told.startswith(("KeyFile(", "key.toml: "))
    assert not any(secret[:20] in told for secret in shown_secrets(example(role)))
