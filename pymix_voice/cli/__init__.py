"""The command `pymix-voice`: what a person types, and what they are told."""

import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from pymix_voice import __version__
from pymix_voice.errors import Misuse, PymixError

DONE, FIXABLE, USAGE, OUR_BUG, INTERRUPTED = 0, 1, 2, 70, 130

HELP = """\
Anonymous voice calls over a chain of mixes.

Try it on one computer: `pymix-voice demo`. Or by hand, each line in a terminal of its own:

    pymix-voice zone new myzone
    pymix-voice mix --port 7101 --zone myzone        (and 7102, 7103)
    pymix-voice gateway --port 7000 --zone myzone
    pymix-voice listen --zone myzone --profile bob --auto-answer --output heard.wav
    pymix-voice call ADDRESS --zone myzone --profile alice --input speech.wav

Who has the zone file in ./zone.toml, or its place in $PYMIX_VOICE_ZONE, needs no --zone.
Research code: do not trust it with your safety.
"""


def make_app() -> App:
    """All commands; each is imported only when it is used (a mix needs no codec)."""
    app = App(
        name="pymix-voice", help=HELP, help_format="plaintext", version=f"pymix-voice {__version__}"
    )
    zone = App(name="zone", help="Make or check a zone: one chain of mixes and its gateways.")
    zone.command("pymix_voice.cli.zones:new", name="new", help="Make a zone file and all its keys.")
    zone.command("pymix_voice.cli.zones:key", name="key", help="Make one operator's key file.")
    zone.command(
        "pymix_voice.cli.zones:check", name="check", help="Read a zone file, say what is in it."
    )
    app.command(zone)
    commands = {
        "mix": ("serving:mix", "Run a mix of the chain."),
        "gateway": ("serving:gateway", "Run a gateway, where clients connect."),
        "listen": ("calling:listen", "Be online, and answer calls."),
        "call": ("calling:call", "Call somebody."),
        "me": ("calling:me", "Print your address."),
        "demo": ("trying:demo", "A whole zone and a call on this computer."),
        "geometry": ("zones:geometry", "Print the sizes and times of a zone."),
        "doctor": ("trying:doctor", "Say what is installed and what is missing."),
    }
    for name, (place, text) in commands.items():
        app.command(f"pymix_voice.cli.{place}", name=name, help=text)
    app.register_install_completion_command()
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name; None for those of this process.

    Returns:
        The exit code: 0 done, 1 you can fix it, 2 usage, 70 our bug, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = make_app()(
            words, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        _say(f"{' '.join(str(error).split())} (`pymix-voice {_shown(words)}--help` tells more)")
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our lines has gone, as `head` does: nothing more goes there, also at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Misuse:
        traceback.print_exc()
        return OUR_BUG
    except PymixError as error:
        _say(str(error))
        return FIXABLE
    except Exception:
        # The outermost border: whatever arrives here is our bug, and must not look like code 1.
        traceback.print_exc()
        return OUR_BUG
    return result if isinstance(result, int) else DONE


def _shown(words: Sequence[str]) -> str:
    """The command's name, if that is what the first word is."""
    name = words[0] if words else ""
    return f"{name} " if name in ("zone", "mix", "gateway", "listen", "call", "me", "demo") else ""


def _say(sentence: str) -> None:
    print(f"pymix-voice: {sentence}", file=sys.stderr)
