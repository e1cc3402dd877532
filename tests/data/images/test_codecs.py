"""Decoding of every kind of image file, in graph."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, PngImagePlugin

from ssd_tf.data import images
from ssd_tf.data.images import codecs
from tests.data.toy_source import encode

COLOUR = (200, 100, 30)


def plain(mode="RGB", colour=COLOUR):
    return Image.new("RGB", (12, 8), colour).convert(mode)


def with_alpha(mode, alpha):
    image = plain(mode)
    image.putalpha(alpha)
    return image


def deep(value):
    return Image.fromarray(np.full((8, 12), value, np.uint16))


PALETTE = plain().quantize(4)
# Gray of COLOUR by ITU-R 601, which libjpeg, libpng and PIL share.
GRAY = (121, 121, 121)
FILES = {
    "jpeg": (encode(plain(), "JPEG", quality=95), COLOUR),
    "gray jpeg": (encode(plain("L"), "JPEG"), GRAY),
    "cmyk jpeg": (encode(plain("CMYK"), "JPEG", quality=95), COLOUR),
    "png": (encode(plain()), COLOUR),
    "gray png": (encode(plain("L")), GRAY),
    "bilevel png": (encode(plain("L", (255,) * 3).convert("1")), (255,) * 3),
    "palette png": (encode(PALETTE), COLOUR),
    # 0.5 * COLOUR + 0.5 * white, with alpha = 128 / 255
    "alpha png": (encode(with_alpha("RGB", 128)), (227, 177, 142)),
    "opaque png": (encode(with_alpha("RGB", 255)), COLOUR),
    "gray alpha png": (encode(with_alpha("L", 51)), (228, 228, 228)),
    "transparent png": (encode(with_alpha("RGB", 0)), (255, 255, 255)),
    "transparent palette": (encode(PALETTE, transparency=0), (255,) * 3),
    "16-bit png": (encode(deep(200 * 257)), (200, 200, 200)),
    "gif": (encode(PALETTE, "GIF"), COLOUR),
    "bmp": (encode(plain(), "BMP"), COLOUR),
    "palette bmp": (encode(PALETTE, "BMP"), COLOUR),
    "gray bmp": (encode(plain("L"), "BMP"), GRAY),
    "webp": (encode(plain(), "WEBP", lossless=True), COLOUR),
    "alpha webp": (
        encode(with_alpha("RGB", 128), "WEBP", lossless=True),
        (227, 177, 142),
    ),
    # The one colour of each of these is the transparent one.
    "tRNS png": (encode(plain(), transparency=COLOUR), (255,) * 3),
    "tRNS gray png": (
        encode(plain("L"), transparency=plain("L").getpixel((0, 0))),
        (255,) * 3,
    ),
}


def decoded(file):
    return images.decode(file).numpy().astype(int)


@pytest.mark.parametrize("kind", FILES)
def test_kinds_of_images(kind):
    file, colour = FILES[kind]
    pixels = images.decode(file)
    assert pixels.dtype == tf.uint8
    assert pixels.shape == (8, 12, 3)
    error = np.abs(pixels.numpy().astype(int) - colour)
    assert error.max() <= (2 if "jpeg" in kind else 1)


def test_graph_equals_eager():
    files = [file for file, _ in FILES.values()]
    dataset = tf.data.Dataset.from_tensor_slices(files).map(images.decode)
    assert dataset.element_spec == tf.TensorSpec([None, None, 3], tf.uint8)
    for file, pixels in zip(files, dataset.as_numpy_iterator()):
        np.testing.assert_array_equal(pixels, images.decode(file))


def on_white(file):
    """What Pillow shows on a white page, [H, W, 3] int."""
    image = Image.open(io.BytesIO(file)).convert("RGBA")
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image)
    return np.asarray(page.convert("RGB")).astype(int)


def comment(text):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", text)
    return info


RNG = np.random.default_rng(0)
NOISE = {
    mode: Image.fromarray(RNG.integers(0, 256, shape, np.uint8), mode)
    for mode, shape in {
        "L": (5, 7),
        "RGB": (5, 7, 3),
        "RGBA": (5, 7, 4),
    }.items()
}
SPECKLED = NOISE["RGB"].quantize(9)
FRAMES = {"save_all": True, "lossless": True, "exact": True}


@pytest.mark.parametrize(
    "file",
    [
        encode(NOISE["RGBA"]),
        encode(NOISE["RGBA"], "WEBP", lossless=True, exact=True),
        encode(NOISE["RGB"], "WEBP", lossless=True),
        encode(NOISE["L"], transparency=NOISE["L"].getpixel((1, 2))),
        encode(NOISE["RGB"], transparency=NOISE["RGB"].getpixel((3, 4))),
        encode(SPECKLED, transparency=bytes([0, 90, 255])),
        # 4 bits per pixel, and the name of the chunk in a comment.
        encode(SPECKLED, pnginfo=comment("\x06tRNS\x02tRNS")),
        encode(NOISE["L"].convert("1"), transparency=1),
        # Widths of 7 and of 8: rows of a BMP are padded to four bytes.
        encode(SPECKLED, "BMP"),
        encode(SPECKLED.resize((8, 3)), "BMP"),
        encode(NOISE["RGB"].quantize(256), "BMP"),
        encode(NOISE["L"], "BMP"),
        encode(NOISE["RGB"], "BMP"),
        encode(NOISE["RGBA"].convert("RGB").convert("RGBA"), "BMP"),
        # Animations: TensorFlow's decoder alone dies of the first.
        encode(NOISE["RGB"], "WEBP", append_images=[SPECKLED], **FRAMES),
        encode(NOISE["RGBA"], "WEBP", append_images=[SPECKLED], **FRAMES),
    ],
    ids=lambda file: f"{len(file)} bytes",
)
def test_as_on_white_by_pillow(file):
    seen = decoded(file)
    assert np.ptp(seen) > 100
    assert np.abs(seen - on_white(file)).max() <= 1


def little(value, size=4):
    return value.to_bytes(size, "little")


def patched(file, **fields):
    """Bytes at offsets given as _OFFSET, replaced."""
    for name, new in fields.items():
        at = int(name[1:])
        file = file[:at] + new + file[at + len(new) :]
    return file


# Two rows of indices, the lower first: 0 1 padding, 2 3 padding.
ROWS = bytes([0, 1, 0, 0, 2, 3, 0, 0])


def palette_bmp(colours, **fields):
    """Indices 2 3 over 0 1; colours as B, G, R, unused."""
    table = b"".join(map(bytes, colours))
    header = b"BM" + bytes(8) + little(54 + len(table))
    header += little(40) + little(2) * 2 + little(1, 2) + little(8, 2)
    header += bytes(16) + little(len(colours)) + bytes(4)
    return patched(header + table + ROWS, **fields)


COLOURS = [(1, 2, 3, 0), (4, 5, 6, 0), (7, 8, 9, 0), (200, 100, 0, 0)]
SEEN = [[[9, 8, 7], [0, 100, 200]], [[3, 2, 1], [6, 5, 4]]]


@pytest.mark.parametrize(
    "file, expected",
    [
        (palette_bmp(COLOURS), SEEN),
        # The number of colours left open; room for four.
        (palette_bmp(COLOURS, _46=little(0)), SEEN),
        (palette_bmp(COLOURS, _46=little(2**32 - 1)), SEEN),
        # An index beyond the table, or without one, is a gray.
        (palette_bmp(COLOURS[:2]), [[[2] * 3, [3] * 3], SEEN[1]]),
        (palette_bmp([]), [[[2] * 3, [3] * 3], [[0] * 3, [1] * 3]]),
    ],
    ids=["four", "open", "too many", "two", "none"],
)
def test_palette_bmp_by_hand(file, expected):
    np.testing.assert_array_equal(decoded(file), expected)


def test_damaged_bmp_is_refused():
    """In graph too, where an error must come from an op."""
    file = palette_bmp(COLOURS)
    in_graph = tf.function(
        images.decode, input_signature=[tf.TensorSpec([], tf.string)]
    )
    broken = [file[:size] for size in range(len(file))]
    # A table far beyond the end, an RLE image, four bits per pixel.
    broken.append(patched(file, _14=little(2**32 - 1)))
    broken.append(patched(file, _30=little(1)))
    broken.append(patched(file, _28=little(4, 2)))
    for one in broken:
        with pytest.raises(tf.errors.InvalidArgumentError):
            in_graph(one)
    with pytest.raises(tf.errors.InvalidArgumentError, match="compressed BMP"):
        images.decode(patched(file, _30=little(1)))


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_without_its_end_as_viewers_show_it(progressive):
    file = encode(
        Image.fromarray(RNG.integers(0, 256, (80, 64, 3), np.uint8)),
        "JPEG",
        progressive=progressive,
    )
    whole = decoded(file)
    np.testing.assert_array_equal(decoded(file[:-2]), whole)
    part = decoded(file[: len(file) // 2])
    assert part.shape == whole.shape
    if not progressive:
        np.testing.assert_array_equal(part[:24], whole[:24])
        assert (part[-8:, -16:] == 128).all()


def test_transparency_of_more_than_a_strip():
    assert codecs._STRIP_PIXELS == 1 << 18
    pixels = np.zeros((400, 700, 4), np.uint8)
    pixels[..., 0] = np.arange(700) % 256
    pixels[..., 3] = (np.arange(400) % 256)[:, None]
    alpha = pixels[..., 3:].astype(np.float32) / 255
    expected = np.rint(255 + alpha * (pixels[..., :3] - np.float32(255)))
    np.testing.assert_array_equal(images.on_white(pixels), expected)
