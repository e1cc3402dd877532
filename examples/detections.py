"""The part that the clients of this folder share: arguments, printing, drawing.

Needs Pillow and nothing of ssd_tf.
"""

import argparse
import collections
import io
import pathlib
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

# Bright ones: the names on them are black.
_COLORS = ("red", "lime", "cyan", "yellow", "magenta", "orange")

# What transparent pixels show to the detector. It knows none in a BMP.
_PAGES = {"PNG": "white", "WEBP": "white", "GIF": "black"}

_USED_OUTPUTS = (
    "num_detections",
    "detection_scores",
    "detection_class_names",
    "detection_boxes",
)


class ServerError(Exception):
    """An answer of the server that is no detections."""


def parse_arguments(description: str, *, server: str) -> argparse.Namespace:
    """The arguments of a client; makes the folder for the pictures.

    Ends the program with a line of argparse where that cannot be.

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
    arguments = parser.parse_args()
    try:
        pathlib.Path(arguments.output_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(
            "argument --output_dir: cannot make the folder"
            f" {arguments.output_dir!r}: {error.strerror}"
        )
    return arguments


def reason(message: str) -> str:
    """A server's message on one line, without TensorFlow's names of nodes."""
    return " ".join(re.sub(r"\[\[{{.*?}}\]\]|{{.*?}}", "", message).split())


def check_outputs(names: Collection[str], *, status: str) -> None:
    """Checks that an answer is one of a detector.

    Args:
      names: of the outputs.
      status: of the answer, for the message.

    Raises:
      ServerError: naming the outputs that are not there.
    """
    missing = [name for name in _USED_OUTPUTS if name not in names]
    if missing:
        raise ServerError(
            f"{status}: the answer lacks {', '.join(missing)}; expected the"
            " outputs of a detector"
        )


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
    paths = [pathlib.Path(image) for image in arguments.images]
    status = 0
    for path, name in zip(paths, _drawn_names(paths), strict=True):
        drawn = folder / name
        try:
            encoded = path.read_bytes()
            outputs = detect(encoded)
            picture = _upright(encoded)
            found = _objects(outputs, picture.size, arguments.score_threshold)
            _draw(picture, found)
            picture.save(drawn)
        except (OSError, ServerError) as error:
            print(f"error: {path}: {error}", file=sys.stderr)
            status = 1
            continue
        print(f"{path}: {len(found)} objects -> {drawn}")
        for name, score, box_px in found:
            left, top, right, bottom = (round(value) for value in box_px)
            print(f"  {score:.3f} {name} x {left}..{right} y {top}..{bottom}")
    return status


def _drawn_names(paths: Sequence[pathlib.Path]) -> Iterator[str]:
    """File names of the pictures, numbered where folders share a name."""
    seen: collections.Counter[str] = collections.Counter()
    for path in paths:
        seen[path.name] += 1
        number = f"_{seen[path.name]}" if seen[path.name] > 1 else ""
        yield f"{path.name}_detections{number}.png"


def _upright(encoded: bytes) -> Image.Image:
    """The picture as the detector sees it, 8-bit RGB.

    It is turned as its Exif block says and lies on a page where it is
    transparent, but for a PNG of 16 bits with one transparent colour.
    """
    with Image.open(io.BytesIO(encoded)) as opened:
        page_color = _PAGES.get(opened.format or "")
        picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith("I"):  # 16-bit gray, which "RGB" would clip
        high_byte = picture.point(lambda value: value / 256)
        return high_byte.convert("L").convert("RGB")
    if page_color and picture.has_transparency_data:
        page = Image.new("RGBA", picture.size, page_color)
        picture = Image.alpha_composite(page, picture.convert("RGBA"))
    return picture.convert("RGB")


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


def _draw(picture: Image.Image, found: Sequence[tuple]) -> None:
    """Draws boxes and names, each name in a colour of its own."""
    draw = ImageDraw.Draw(picture)
    side = max(picture.size)
    line_px = max(2, round(side / 250))
    font = ImageFont.load_default(size=max(12, round(side / 45)))
    names = list(dict.fromkeys(name for name, _, _ in found))
    for name, score, box_px in reversed(found):  # the best lies on top
        color = _COLORS[names.index(name) % len(_COLORS)]
        left, top, right, bottom = map(round, box_px)
        # Pillow draws the pixels of the far edges, a box ends before them.
        right, bottom = max(left, right - 1), max(top, bottom - 1)
        box = (left, top, right, bottom)
        draw.rectangle(box, outline=color, width=line_px)
        _draw_text(draw, (left, top), f"{name} {score:.2f}", color, font)


def _draw_text(draw, corner, text: str, color: str, font) -> None:
    """Black text on colour above a box's corner, or as near as it fits."""
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    width, height = round(right - left) + 4, round(bottom - top) + 4
    x = max(0, min(corner[0], draw.im.size[0] - width))
    y = corner[1] - height if corner[1] >= height else corner[1]
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill=color)
    draw.text((x + 2 - left, y + 2 - top), text, fill="black", font=font)
