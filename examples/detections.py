"""What the clients of this folder share: arguments, printing, drawing.

Needs Pillow and nothing of ssd_tf.
"""

import argparse
import io
import pathlib
import sys
from collections.abc import Callable, Mapping

from PIL import Image, ImageDraw, ImageOps

_COLORS = ("red", "lime", "cyan", "yellow", "magenta", "orange")


class ServerError(Exception):
    """What the server answered instead of detections."""


def parse_arguments(description: str, *, server: str) -> argparse.Namespace:
    """The arguments of a client.

    Args:
      description: what the client does.
      server: default address of the server.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--model", required=True, help="name of the model")
    parser.add_argument(
        "--server", default=server, help="address (default: %(default)s)"
    )
    parser.add_argument(
        "--output_dir",
        default="detections",
        help="folder for the pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--score_threshold",
        type=float,
        default=0.4,
        help="lowest score that is shown, 0..1 (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        help="seconds to wait for an answer (default: %(default)s)",
    )
    return parser.parse_args()


def detect_all(
    arguments: argparse.Namespace, detect: Callable[[bytes], Mapping]
) -> int:
    """Sends, prints and draws every image.

    Args:
      arguments: of `parse_arguments`.
      detect: encoded image -> the outputs of its row, by name. May raise
        `ServerError`; the other images are done nevertheless.

    Returns:
      the exit status.
    """
    folder = pathlib.Path(arguments.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    status = 0
    for path in map(pathlib.Path, arguments.images):
        try:
            encoded = path.read_bytes()
            outputs = detect(encoded)
        except (OSError, ServerError) as error:
            print(f"error: {path}: {error}", file=sys.stderr)
            status = 1
            continue
        picture = _upright(encoded)
        found = _objects(outputs, picture.size, arguments.score_threshold)
        drawn = folder / f"{path.name}_detections.png"
        _draw(picture, found).save(drawn)
        print(f"{path}: {len(found)} objects -> {drawn}")
        for name, score, box_px in found:
            left, top, right, bottom = (round(value) for value in box_px)
            print(f"  {score:.3f} {name} x {left}..{right} y {top}..{bottom}")
    return status


def _upright(encoded: bytes) -> Image.Image:
    """The picture as the detector sees it: turned as its Exif block says."""
    with Image.open(io.BytesIO(encoded)) as picture:
        return ImageOps.exif_transpose(picture).convert("RGB")


def _objects(outputs: Mapping, size, score_threshold: float) -> list[tuple]:
    """(name, score, (left, top, right, bottom) in pixels), best first."""
    width, height = size
    found = []
    for i in range(int(outputs["num_detections"])):
        score = float(outputs["detection_scores"][i])
        if score < score_threshold:
            break  # the others score less
        name = outputs["detection_class_names"][i]
        if isinstance(name, bytes):  # in gRPC, while JSON has text
            name = name.decode()
        ymin, xmin, ymax, xmax = map(float, outputs["detection_boxes"][i])
        box_px = (xmin * width, ymin * height, xmax * width, ymax * height)
        found.append((name, score, box_px))
    return found


def _draw(picture: Image.Image, found) -> Image.Image:
    """The picture with boxes, each name in a colour of its own."""
    draw = ImageDraw.Draw(picture)
    colors: dict[str, str] = {}
    for name, score, box_px in found:
        color = colors.setdefault(name, _COLORS[len(colors) % len(_COLORS)])
        draw.rectangle(box_px, outline=color, width=2)
        left, top = box_px[:2]
        text = f"{name} {score:.2f}"
        draw.text((left + 4, top + 3), text, fill=color, font_size=14)
    return picture
