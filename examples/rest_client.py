"""Detects by REST: sends encoded images to TF Serving, draws the answer.

pip install requests pillow
python rest_client.py --model=NAME IMAGE.jpg
"""

import base64
import sys

import requests
from detections import (
    ServerError,
    check_outputs,
    detect_all,
    parse_arguments,
    reason,
)

# Of an answer that is no answer of TF Serving's.
_SHOWN_CHARACTERS = 80


def detect(encoded: bytes, *, server: str, model: str, timeout: float) -> dict:
    """The outputs for one encoded image, by name.

    Several images can be sent at once: one entry in "instances" and one in
    "predictions" for each.

    Raises:
      ServerError: anything but detections came back.
    """
    instance = {"b64": base64.b64encode(encoded).decode()}
    try:
        response = requests.post(
            f"{server}/v1/models/{model}:predict",
            json={"instances": [instance]},
            timeout=timeout,
        )
    except requests.RequestException as error:
        raise ServerError(error) from error
    status = f"HTTP {response.status_code}"
    match _json(response):
        case {"predictions": [dict(row)]} if response.ok:
            check_outputs(row, status=status)
            return row
        case {"error": str(message)}:
            raise ServerError(f"{status}: {reason(message)}")
    begin = reason(response.text[:_SHOWN_CHARACTERS])
    raise ServerError(f"{status}: expected predictions, found {begin!r}")


def _json(response: requests.Response):
    """The answer; None where it is no JSON, such as a proxy's page."""
    try:
        return response.json()
    except requests.JSONDecodeError:
        return None


def main() -> int:
    """Detects on the images that the arguments name."""
    arguments = parse_arguments(
        "Detects objects by TF Serving's REST API.",
        server="http://localhost:8501",
    )
    return detect_all(
        arguments,
        lambda encoded: detect(
            encoded,
            server=arguments.server,
            model=arguments.model,
            timeout=arguments.timeout,
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
