"""The report of a run: one HTML file that needs nothing else.

It is made of plain facts, `RunFacts`, that a run keeps; `ssd_tf.training` reads
them from a run directory.
"""

from ssd_tf.report.comparison import render_comparison
from ssd_tf.report.facts import RunFacts
from ssd_tf.report.page import is_report
from ssd_tf.report.run_page import render_run

__all__ = ["RunFacts", "is_report", "render_comparison", "render_run"]
