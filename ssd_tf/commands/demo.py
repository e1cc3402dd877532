"""Try a detector on a page in the browser: drop a picture or use the camera.

Boxes and a table follow the slider of the score threshold. The page is served
to this machine only unless --host says otherwise, loads nothing from the
network and sends nothing there; pictures are deleted at its end, by Ctrl-C.
"""

import contextlib
import html
import pathlib
import tempfile

from absl import flags

from ssd_tf.commands.flag_groups import FlagGroup
from ssd_tf.commands.predictor_flags import (
    build_predictor,
    define_look_flags,
    define_model_flag,
    define_score_threshold,
)
from ssd_tf.serving import Detector, demo_page, local_server

_HOST, _PORT = "127.0.0.1", 7860
_LAST_PORT = 65_535
WHEN_STOPPED = "the demo has ended"


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    demo = FlagGroup(values, "demo")
    define_model_flag(demo)
    demo.text(
        "host",
        "Address to listen at; 0.0.0.0 lets other machines in, whose browsers "
        "keep their cameras to themselves without HTTPS.",
        _HOST,
    )
    demo.count(
        "port",
        "Port to listen at; 0 takes any that is free.",
        _PORT,
        lower_bound=0,
        upper_bound=_LAST_PORT,
    )
    define_score_threshold(
        demo, "Where the slider of the lowest score stands at first."
    )
    define_look_flags(values)


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Serves the page until Ctrl-C."""
    del arguments
    # What can be wrong at once is, before the model takes its seconds.
    demo_page.require_gradio()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(
            local_server.listen(values.host, values.port)
        )
        detector = Detector(build_predictor(values))
        model = pathlib.Path(values.model).resolve().name
        app = demo_page.build_page(
            detector,
            title=f"ssd_tf: {html.escape(model)}",
            uploads=stack.enter_context(
                tempfile.TemporaryDirectory(prefix="ssd_tf_demo_")
            ),
            score_threshold=values.score_threshold,
        )
        local_server.serve(
            app,
            listener,
            extra="demo",
            when_ready=lambda: print(
                f"{local_server.address(listener)} (Ctrl-C ends it)", flush=True
            ),
        )
