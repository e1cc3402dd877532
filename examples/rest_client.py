"""Detects by REST: sends encoded images to TF Serving, draws the answer.

pip install requests pillow
python rest_client.py --model=NAME IMAGE.jpg
"""

import base64
import sys

import requests
from detections import ServerError, detect_all, parse_arguments


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
        answer = response.json()
    except requests.RequestException as error:
        raise ServerError(error) from error
    if not response.ok:
        raise ServerError(f"HTTP {response.status_code}: {answer.get('error')}")
    return answer["predictions"][0]


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
