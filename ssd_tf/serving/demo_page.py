"""A page to try a detector in the browser, by Gradio; extra `[demo]`."""

import collections
import dataclasses
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ssd_tf import visualization
from ssd_tf.errors import InputError
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD
from ssd_tf.serving.detector import DetectionResult, Detector
from ssd_tf.serving.files import require

_COLUMNS = ("class", "score", "ymin", "xmin", "ymax", "xmax")
_FONTS = ("system-ui", "sans-serif")
# Of the picture with boxes, so that it follows the slider.
_SHOWN_SIDE_PX = 1600


class Found(NamedTuple):
    """All that was found in a picture.

    Attributes:
      result: at any score, in a picture that was shrunk to be shown.
      rows: of its objects in the table, as `_COLUMNS`, in pixels of the
        picture as it was given.
    """

    result: DetectionResult
    rows: list[list[Any]]


class Shown(NamedTuple):
    """A state of the page.

    Attributes:
      picture: with boxes; None if there is none.
      rows: of the table.
      summary: one line.
    """

    picture: Image.Image | None
    rows: list[list[Any]]
    summary: str


def require_gradio() -> ModuleType:
    """Gradio, which from here on sends and fetches nothing.

    Raises:
      InputError: it is not installed.
    """
    # It reads them while it is imported.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    return require("gradio", extra="demo", purpose="the demo")


def build_page(
    detector: Detector,
    *,
    title: str,
    uploads: str,
    score_threshold: float = SCORE_THRESHOLD,
):
    """The page as an ASGI application.

    Args:
      detector: runs once for each picture, in one thread at a time.
      title: of the page.
      uploads: folder that takes pictures while the page lives.
      score_threshold: where the slider stands at first.

    Raises:
      InputError: Gradio is not installed.
    """
    gradio = require_gradio()
    os.environ["GRADIO_TEMP_DIR"] = uploads  # read by what is made below
    with gradio.Blocks(title=title, analytics_enabled=False) as blocks:
        gradio.HTML(f"<h1>{title}</h1>")
        _lay_out(gradio, detector, score_threshold)
    # It comes with Gradio.
    fastapi = require("fastapi", extra="demo", purpose="the demo")
    return gradio.mount_gradio_app(
        fastapi.FastAPI(),
        blocks,
        "/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        theme=gradio.themes.Default(font=_FONTS, font_mono=_FONTS),
    )


def _lay_out(gradio, detector: Detector, score_threshold: float) -> None:
    with gradio.Row():
        with gradio.Column(min_width=300):
            given = gradio.Image(
                label="Picture",
                sources=["upload", "webcam", "clipboard"],
                # Signs and letters are not to be read in a mirror.
                webcam_options=gradio.WebcamOptions(mirror=False),
                buttons=["fullscreen"],
                elem_id="given",
            )
            threshold = gradio.Slider(
                *(0, 1, score_threshold),
                step=0.01,
                label="Score threshold",
                info="Lowest score that is shown.",
                elem_id="threshold",
            )
        with gradio.Column(min_width=300):
            drawn = gradio.Image(
                label="Objects",
                show_label=False,  # it would cover the picture's corner
                format="jpeg",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="drawn",
            )
            summary = gradio.Textbox(
                label="Found", interactive=False, elem_id="summary"
            )
    table = gradio.Dataframe(
        headers=list(_COLUMNS),
        datatype=["str", *["number"] * (len(_COLUMNS) - 1)],
        label="Objects, best first; boxes in pixels",
        interactive=False,
        elem_id="objects",
    )
    found = gradio.State()
    options = {"api_visibility": "private", "trigger_mode": "always_last"}

    def detect(picture, score_threshold):
        try:
            everything = detect_all(detector, picture)
        except InputError as error:
            return None, *Shown(None, [], f"error: {error}")
        return everything, *show(everything, score_threshold)

    given.change(
        detect,
        inputs=[given, threshold],
        outputs=[found, drawn, table, summary],
        # As it was given: Gradio's own decoding would come first.
        preprocess=False,
        # A LiteRT interpreter runs in one thread at a time.
        concurrency_limit=1,
        show_progress_on=drawn,
        **options,
    )
    threshold.change(
        show,
        inputs=[found, threshold],
        outputs=[drawn, table, summary],
        show_progress="hidden",
        **options,
    )


def detect_all(
    detector: Detector, picture: Mapping[str, Any] | None
) -> Found | None:
    """All that is found in a picture, at any score; None where there is none.

    Args:
      detector: the detector.
      picture: Gradio's record of a file: "path", and the "orig_name" that it
        was given with.

    Raises:
      InputError: it does not decode; the message has its name.
    """
    path = (picture or {}).get("path")
    if picture is None or not path:
        return None
    try:
        result = detector(path, score_threshold=0.0)
    except InputError as error:
        name = picture.get("orig_name") or "the picture"
        raise InputError(str(error).replace(path, name)) from error
    rows = [
        [name, round(float(score), 3), *(round(float(side)) for side in box)]
        for name, score, box in zip(
            result.names, result.scores, result.boxes_px, strict=True
        )
    ]
    small = visualization.shrink(Image.fromarray(result.pixels), _SHOWN_SIDE_PX)
    return Found(dataclasses.replace(result, pixels=np.asarray(small)), rows)


def show(found: Found | None, score_threshold: float) -> Shown:
    """The page's state for what was found, at a threshold."""
    if found is None:
        return Shown(None, [], "")
    sure = found.result.above(score_threshold)
    rows = found.rows[: len(sure.scores)]  # best first
    return Shown(sure.draw(), rows, _summary(found.result, sure))


def _summary(result: DetectionResult, sure: DetectionResult) -> str:
    counts = collections.Counter(sure.names).most_common()
    if counts:
        total = sum(count for _, count in counts)
        names = ", ".join(f"{count} {name}" for name, count in counts)
        return f"{total} object{'' if total == 1 else 's'}: {names}"
    if len(result.scores):
        return f"no objects; the best score is {result.scores.max():.2f}"
    return "no objects at any threshold"
