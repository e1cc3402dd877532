"""Pictures with the size and the detail of photographs, for benchmarks."""

import io

import numpy as np
from PIL import Image

WIDTH_PX, HEIGHT_PX = 500, 375
# Files of about 90 KiB, as in VOC 2007.
_QUALITY = 82


def photograph_like(rng: np.random.Generator) -> Image.Image:
    """Noise whose spectrum falls as that of photographs does.

    Amplitude is about 1 over frequency in natural images (Field 1987).
    """
    fy = np.fft.fftfreq(HEIGHT_PX)[:, None]
    fx = np.fft.rfftfreq(WIDTH_PX)
    amplitude = 1.0 / np.maximum(np.hypot(fy, fx), 1.0 / WIDTH_PX)
    noise = rng.standard_normal((3, *amplitude.shape, 2)) @ [1, 1j]
    field = np.fft.irfft2(noise * amplitude, s=(HEIGHT_PX, WIDTH_PX))
    field /= field.std(axis=(1, 2), keepdims=True)
    # Colours of natural images hang together.
    pixels = 120 + 50 * (0.85 * field[:1] + 0.5 * field)
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return Image.fromarray(np.moveaxis(pixels, 0, -1))


def to_jpeg(image: Image.Image) -> bytes:
    """The encoded image."""
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=_QUALITY)
    return encoded.getvalue()
