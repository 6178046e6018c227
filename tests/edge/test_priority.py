"""Priority: asked for by a program, and shared by its sound threads."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, threading
from pymix_voice.edge.priority import ask_for_priority, share_priority

def look():
    told.append((share_priority(), os.sched_getscheduler(0)))

def in_a_thread():
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

told = []
in_a_thread()
given = ask_for_priority()
in_a_thread()
print(told == [(False, os.SCHED_OTHER), (given, os.sched_getscheduler(0))])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="only Linux has such priorities")
def test_a_thread_shares_what_its_program_was_given_and_nothing_before() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
