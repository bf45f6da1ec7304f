"""`python -m benchmarks`: one part that fails does not take the others' figures with it."""

import io
import sys

from benchmarks.__main__ import run


def test_what_a_part_prints_is_kept_however_it_ends(capsys):
    report = io.StringIO()
    assert run([sys.executable, "-c", "print('| a | 1 |')"], report) == "done"
    failing = "print('| b | 2 |', flush=True); raise SystemExit(3)"
    assert run([sys.executable, "-c", failing], report) == "failed with status 3"
    # Its child holds the output open: without an end to the whole group this would wait for it.
    hanging = (
        "import subprocess, sys; print('| c | 3 |', flush=True)\n"
        "subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    )
    assert run([sys.executable, "-c", hanging], report, seconds=3) == "took longer than 3 s"
    assert report.getvalue() == capsys.readouterr().out == "| a | 1 |\n| b | 2 |\n| c | 3 |\n"
