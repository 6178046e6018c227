"""The machine's limit: builds and runs limit.c, the same design without Python.

It has no libsodium to link with; it is given PyNaCl's, so that both use the same ciphers, built
the same way. Linux only: GSO, GRO and recvmmsg are its heart.

Source: limit.c beside this file, which says what is measured and what is left out.

Must not know: what is compared with it.
"""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import trio

from pymix_voice.lab.peers.measured import Measured, PeerError, measured_by
from pymix_voice.lab.peers.sizes import CHUNK_BYTES, DOWN_BYTES, UP_BYTES

Mode = Literal["mix", "gateway"]
Cipher = Literal["chacha20-poly1305", "aegis-128l"]

SOURCE = Path(__file__).with_name("limit.c")
FLAGS = ("-O3", "-march=native", "-std=gnu11", "-rdynamic", "-pthread")
SIZES = {"CHUNK_BYTES": CHUNK_BYTES, "UP_BYTES": UP_BYTES, "DOWN_BYTES": DOWN_BYTES}
"""It does not compile if its own datagrams have other sizes."""


def available() -> bool:
    """Whether it can be built here."""
    return sys.platform == "linux" and shutil.which("cc") is not None


async def build(folder: Path) -> Path | None:
    """Compile it.

    Args:
        folder: where the program is put; give one that is deleted afterwards.

    Returns:
        The program; None where there is no compiler.

    Raises:
        PeerError: if there is one, but it does not compile.
    """
    if not available():
        return None
    program = folder / "limit"
    sizes = [f"-D{name}={size}" for name, size in SIZES.items()]
    command = ["cc", *FLAGS, *sizes, "-o", str(program), str(SOURCE), "-ldl"]
    done = await trio.run_process(command, capture_stderr=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()
        wrong = next((line for line in lines if "error" in line), "no word of why")
        raise PeerError(f"limit.c does not compile here: {wrong}")
    return program


async def measure(
    program: Path, mode: Mode, cipher: Cipher, rows: int, seconds: float, cpu: int | None = None
) -> Measured:
    """Run it once.

    Args:
        program: what `build` gave.
        mode: a middle mix in both directions, or a gateway with a client for each row.
        cipher: of mix links; the access link is always ChaCha20-Poly1305.
        rows: 1 to 60,000.
        seconds: of measuring, by the clock; 40 rounds come before.
        cpu: where the measured thread runs, and none of the others if there are more.

    Raises:
        PeerError: if it cannot; a cell that came out wrong is a failure too.
    """
    command = [str(program), mode, cipher, str(rows), str(seconds), _libsodium()]
    return await measured_by([*command, str(-1 if cpu is None else cpu)], seconds)


def _libsodium() -> str:
    """PyNaCl's shared object, which has all of libsodium in it."""
    found = find_spec("nacl._sodium")
    if found is None or found.origin is None:
        raise PeerError("PyNaCl's own libsodium was not found")
    return found.origin
