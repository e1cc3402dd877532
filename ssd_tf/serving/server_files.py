"""Files that TF Serving is started with, beside the exported models.

    <export_dir>/serving/models.config            the models
    <export_dir>/serving/batching_parameters.txt  for --enable_batching
    <export_dir>/serving/docker_run.sh            the command

A file that somebody changed is never written again.
"""

import pathlib
import re
from collections.abc import Sequence

from ssd_tf.errors import InputError
from ssd_tf.serving.version_dir import SERVING_DIR, find_models
from ssd_tf.serving.warmup import BATCH_SIZES

MODELS_FILE = "models.config"
BATCHING_FILE = "batching_parameters.txt"
DOCKER_FILE = "docker_run.sh"

_BATCH_SIZES = (1, 2, 4, 8, 16, 32)
_WARM = ", ".join(map(str, BATCH_SIZES[:-1]))
_ALLOWED = "\n".join(f"allowed_batch_sizes: {size}" for size in _BATCH_SIZES)
# Field names: tensorflow_serving/servables/tensorflow/
# session_bundle_config.proto, message BatchingParameters.
_BATCHING = f"""\
# Used with --enable_batching, which runs requests that arrive together as one
# batch. A picture that does not decode then fails all requests of its batch.
# A request of more pictures than max_batch_size is refused.
max_batch_size {{ value: {_BATCH_SIZES[-1]} }}
batch_timeout_micros {{ value: 5000 }}
max_enqueued_batches {{ value: 100 }}
# Batches at a time; more than one where the processor has many cores.
num_batch_threads {{ value: 1 }}
# Batches are padded to one of these sizes; the largest must be max_batch_size.
# The export warms up {_WARM} and {BATCH_SIZES[-1]}.
{_ALLOWED}
"""

_DOCKER = f"""\
#!/bin/sh
# Serves every model in {MODELS_FILE}: gRPC at 8500, REST at 8501. Arguments
# are passed on to the server, as in
#   {DOCKER_FILE} --enable_batching \\
#     --batching_parameters_file=/models/{SERVING_DIR}/{BATCHING_FILE}
exports=$(cd "$(dirname "$0")/.." && pwd)
exec docker run --rm -p 8500:8500 -p 8501:8501 \\
  --mount type=bind,source="$exports",target=/models,readonly \\
  tensorflow/serving \\
  --model_config_file=/models/{SERVING_DIR}/{MODELS_FILE} "$@"
"""


def write_server_files(export_dir) -> list[str]:
    """Writes the files that are not there, and brings models.config up to date.

    Returns:
      names of the models that are missing from a models.config that somebody
      changed, which is left as it is.

    Raises:
      InputError: they cannot be written.
    """
    names = find_models(export_dir)
    folder = pathlib.Path(export_dir) / SERVING_DIR
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / BATCHING_FILE).exists():
            (folder / BATCHING_FILE).write_text(_BATCHING, encoding="utf-8")
        if not (folder / DOCKER_FILE).exists():
            (folder / DOCKER_FILE).write_text(_DOCKER, encoding="utf-8")
            (folder / DOCKER_FILE).chmod(0o755)
        return _update_config(folder / MODELS_FILE, names)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written: {error.strerror}"
        ) from error


def _update_config(config: pathlib.Path, names: Sequence[str]) -> list[str]:
    """Writes models.config unless somebody changed it; -> names it lacks."""
    if config.exists():
        text = config.read_text(encoding="utf-8", errors="replace")
        listed = re.findall(r'\bname: *"([^"]*)"', text)
        if text != _models_config(listed):  # not as it was written here
            return [name for name in names if name not in listed]
    config.write_text(_models_config(names), encoding="utf-8")
    return []


def _models_config(names: Sequence[str]) -> str:
    """A `ModelServerConfig` (model_server_config.proto) in text format."""
    models = "".join(
        "  config {\n"
        f'    name: "{name}"\n'
        f'    base_path: "/models/{name}"\n'
        '    model_platform: "tensorflow"\n'
        "  }\n"
        for name in names
    )
    return f"model_config_list {{\n{models}}}\n"
