import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from nacl import bindings

from pymix_voice.errors import Misuse
from pymix_voice.onion import curves
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair, Secret, derive, digest

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "primitives.json").read_text()
)["blake2b"]
KEY = bytes(range(32))


def test_blake2b_gives_the_bytes_of_rfc_7693_and_the_reference() -> None:
    assert blake2b(VECTORS["text"].encode()).hexdigest() == VECTORS["digest"]
    keyed = blake2b(b"", key=bytes.fromhex(VECTORS["key"])).hexdigest()
    assert keyed == VECTORS["keyed_digest_of_nothing"]


@pytest.mark.parametrize("size", [16, 32, 64])
def test_derived_keys_equal_libsodiums_personalised_blake2b(size: int) -> None:
    person = b"pymix test".ljust(16, b"\0")
    theirs = bindings.crypto_generichash_blake2b_salt_personal(
        b"one" + b"two", digest_size=size, key=KEY, person=person
    )
    assert derive(KEY, "pymix test", b"one", b"two", size=size) == theirs
    unkeyed = bindings.crypto_generichash_blake2b_salt_personal(
        b"one" + b"two", digest_size=size, person=person
    )
    assert digest("pymix test", b"one", b"two", size=size) == unkeyed


def test_label_key_parts_and_size_all_matter() -> None:
    values = {
        derive(KEY, "a", b"x"),
        derive(KEY, "b", b"x"),
        derive(KEY, "a", b"y"),
        derive(KEY[:16], "a", b"x"),
        derive(KEY, "a", b"x", size=64)[:32],
        digest("a", b"x"),
    }
    assert len(values) == 6


@pytest.mark.parametrize(
    ("key", "label", "size"),
    [
        (b"", "a", 32),
        (KEY[:15], "a", 32),
        (bytes(65), "a", 32),
        (KEY, "", 32),
        (KEY, "seventeen letters", 32),
        (KEY, "é", 32),
        (KEY, "a", 0),
        (KEY, "a", 65),
    ],
)
def test_what_cannot_be_derived_is_refused(key: bytes, label: str, size: int) -> None:
    with pytest.raises(Misuse):
        derive(key, label, size=size)


def test_a_secret_shows_nothing_and_is_gone_once_wiped() -> None:
    secret = Secret(b"hush")
    assert secret.reveal() == b"hush"
    assert "hush" not in repr(secret) + str(secret) + f"{secret}"
    secret.wipe()
    secret.wipe()
    with pytest.raises(Misuse):
        secret.reveal()


def test_a_key_pair_belongs_together_and_shows_nothing() -> None:
    pair, other = KeyPair.draw(Dice.seeded(1)), KeyPair.of(KEY)
    assert other.private.reveal() == KEY
    assert other.public == curves.public_of(KEY)
    ours = curves.scalarmult(pair.private.reveal(), other.public)
    assert ours == curves.scalarmult(KEY, pair.public)
    assert repr(pair) == "KeyPair()"
    pair.wipe()
    with pytest.raises(Misuse):
        pair.private.reveal()
