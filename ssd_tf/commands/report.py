"""Make the report of a run again; compare several runs.

One RUN gets RUN/report.html, as at the end of its training. Several are
compared side by side in comparison.html. A page is one file that needs no
network; one of an earlier call is replaced, another file never.
"""

import pathlib

from absl import flags

from ssd_tf import training
from ssd_tf.commands.flag_groups import FlagGroup
from ssd_tf.errors import InputError
from ssd_tf.report import render_comparison, render_run

ARGUMENTS = "RUN [RUN ...]"


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    FlagGroup(values, "report").text(
        "output",
        "HTML file to write (default: report.html in the run; comparison.html "
        "here for several).",
    )


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Reads the runs and writes the page."""
    if not arguments:
        raise InputError("no run was given; expected one or more directories")
    paths = [pathlib.Path(path) for path in arguments]
    runs = [training.read_facts(training.RunDir(path)) for path in paths]
    if len(runs) == 1:
        output = values.output or paths[0] / "report.html"
        html = render_run(runs[0])
    else:
        output = values.output or "comparison.html"
        names = _different_names(paths)
        html = render_comparison(
            [facts.renamed(name) for facts, name in zip(runs, names)]
        )
    training.write_report(pathlib.Path(output), html)
    print(f"report: {output}")


def _different_names(paths: list[pathlib.Path]) -> list[str]:
    """As few parts of the paths' ends as tell them apart."""
    parts = [path.resolve().parts for path in paths]
    if len(set(parts)) < len(parts):
        raise InputError("a run is given twice")
    for count in range(1, max(map(len, parts))):
        names = ["/".join(some[-count:]) for some in parts]
        if len(set(names)) == len(names):
            break
    return names
