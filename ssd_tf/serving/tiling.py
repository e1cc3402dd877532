"""Small objects in large pictures: a detector that looks at tiles.

A detector of 300 x 300 px sees a picture of 3000 px at a tenth of its size.
Tiles of it are seen at theirs. Each tile has the size that was asked for and
overlaps its neighbours, so that an object no larger than the overlap is whole
in some tile; the picture as a whole is looked at, too, for those that are
larger. Akyon et al. 2022 (arXiv:2202.06934) detect so.
"""

import math

import numpy as np

from ssd_tf.evaluation import ImageDetections
from ssd_tf.serving.merging import join_outputs, suppress
from ssd_tf.serving.predictor import Predictor

# A box that ends this near to an inner border, as a fraction of the tile, may
# be that of a part.
_BORDER = 0.02
# Tiles that are looked at together.
_BATCH_SIZE = 8


def tiled(
    predictor: Predictor,
    *,
    tile_px: int,
    overlap: float = 0.2,
    agnostic: bool = False,
) -> Predictor:
    """A predictor of whole pictures that looks at their tiles.

    Args:
      predictor: looks at each tile.
      tile_px: side of a tile in pixels of the picture. A picture that is not
        larger is looked at as a whole, as without tiles.
      overlap: of neighbouring tiles, at least, as a fraction of their sides.
      agnostic: boxes of all classes suppress one another.
    """

    def detect(pixels):
        return join_outputs(
            [
                _detect_in_tiles(
                    predictor,
                    np.asarray(picture),
                    tiles_px(
                        *picture.shape[:2], tile_px=tile_px, overlap=overlap
                    ),
                    overlap_px=tile_px * overlap,
                    agnostic=agnostic,
                )
                for picture in pixels
            ]
        )

    return predictor.with_detect(detect, image_size=None)


def tiles_px(
    height: int, width: int, *, tile_px: int, overlap: float
) -> np.ndarray:
    """Tiles [N, 4] int ymin, xmin, ymax, xmax in pixels that cover a picture.

    All have one size, the picture's where that is smaller than a tile, and
    are spread evenly: the first begins and the last ends with the picture.
    """
    starts, sides = zip(
        *(_starts_px(side, tile_px, overlap) for side in (height, width))
    )
    return np.array(
        [
            (top, left, top + sides[0], left + sides[1])
            for top in starts[0]
            for left in starts[1]
        ]
    )


def _starts_px(side_px: int, tile_px: int, overlap: float):
    """Where tiles begin along a side, and how long they are."""
    room = side_px - tile_px
    if room <= 0:
        return [0], side_px
    # A stride of whole pixels, or the overlap would be rounded off.
    stride = max(1, math.floor(tile_px * (1.0 - overlap)))
    count = math.ceil(room / stride)
    return [round(k * room / count) for k in range(count + 1)], tile_px


def _detect_in_tiles(
    predictor: Predictor,
    picture: np.ndarray,
    tiles: np.ndarray,
    *,
    overlap_px: float,
    agnostic: bool,
) -> ImageDetections:
    """What is found in tiles [N, 4] of [H, W, 3] uint8, and in all of it."""
    if len(tiles) == 1:
        return predictor.detect_pixels([picture])[0]
    size = np.array(picture.shape[:2] * 2, np.float32)  # H, W, H, W
    found, is_cut = [], []
    for start in range(0, len(tiles), _BATCH_SIZE):
        some = tiles[start : start + _BATCH_SIZE]
        views = [picture[top:end, left:right] for top, left, end, right in some]
        answers = predictor.detect_pixels(views)
        for tile, answer in zip(some, answers, strict=True):
            is_cut.append(_touches_border(answer.boxes, tile, size))
            found.append(_of_picture(answer, tile, size))
    (whole,) = predictor.detect_pixels([picture])
    whole = _drop_small(whole, tiles, size, overlap_px=overlap_px)
    together = ImageDetections(
        *(np.concatenate(values) for values in zip(*found, whole, strict=True))
    )
    return suppress(
        together,
        iou_threshold=predictor.nms_iou_threshold,
        agnostic=agnostic,
        is_cut=np.concatenate([*is_cut, np.zeros(len(whole.scores), bool)]),
    )


def _of_picture(
    found: ImageDetections, tile: np.ndarray, size: np.ndarray
) -> ImageDetections:
    """Detections in a tile [4] px, with boxes relative to the picture."""
    corner, extent = tile[:2], tile[2:] - tile[:2]
    boxes = (np.tile(corner, 2) + found.boxes * np.tile(extent, 2)) / size
    return found._replace(boxes=boxes.astype(np.float32))


def _touches_border(
    boxes: np.ndarray, tile: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """[N] bool: the box ends at a border that is none of the picture."""
    is_inner = np.concatenate([tile[:2] > 0, tile[2:] < size[2:]])  # [4]
    distance = np.concatenate([boxes[:, :2], 1.0 - boxes[:, 2:]], axis=1)
    return np.any(is_inner & (distance < _BORDER), axis=1)


def _drop_small(
    whole: ImageDetections,
    tiles: np.ndarray,
    size: np.ndarray,
    *,
    overlap_px: float,
) -> ImageDetections:
    """Without what is whole in some tile, which shows it larger."""
    sides_px = (whole.boxes[:, 2:] - whole.boxes[:, :2]) * size[:2]  # [N, 2]
    is_cut_side = tiles[0, 2:] < size[:2]  # [2]
    is_large = ((sides_px > overlap_px) & is_cut_side).any(axis=1)
    return ImageDetections(*(value[is_large] for value in whole))
