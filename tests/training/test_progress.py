"""What a training says while it runs, by its lines."""

import io

from ssd_tf.training.progress import Progress

VALUES = {"loss": 5.1234, "images_per_second": 40.0}
FIGURES = {
    "step": 40,
    "mAP": 0.86081,
    "coco": {"mAP": 0.4946, "AP50": 0.8591, "AP75": None},
    "best_f1": {"f1": 0.9, "score_threshold": 0.43},
}


class Terminal(io.StringIO):
    """A stderr that somebody looks at."""

    def isatty(self):
        return True


def run(monkeypatch, stream):
    """Four reports and two evaluations -> what was said."""
    monkeypatch.setattr("sys.stderr", stream)
    with Progress(80, step=0, batch_size=8) as progress:
        for step in range(1, 81):
            progress.update()
            if step % 20 == 0:
                progress.report(step, VALUES)
            if step in (40, 80):
                progress.evaluation({**FIGURES, "step": step})
    return stream.getvalue()


def test_a_pipe_has_a_plain_line_for_each_report(monkeypatch):
    said = run(monkeypatch, io.StringIO())
    assert "\r" not in said
    assert said.splitlines() == [
        "step 20/80: loss 5.123, 40.0 images/s, 12 s left",
        "step 40/80: loss 5.123, 40.0 images/s, 8 s left",
        "    step    mAP@.5   COCO AP      AP50      AP75   best F1  at score",
        "      40    0.8608    0.4946    0.8591         -    0.9000    0.4300",
        "step 60/80: loss 5.123, 40.0 images/s, 4 s left",
        "step 80/80: loss 5.123, 40.0 images/s, 0 s left",
        "      80    0.8608    0.4946    0.8591         -    0.9000    0.4300",
    ]


def test_a_terminal_has_a_bar_and_the_expected_time_once(monkeypatch):
    said = run(monkeypatch, Terminal())
    assert said.count("about 12 s for the 60 steps left") == 1
    assert said.count("left\n") == 1
    assert "loss=5.123" in said and "640/640" in said
    assert said.count("best F1") == 1
