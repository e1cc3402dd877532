"""The export format of SavedModels: versions that TF Serving watches.

<export_dir>/<model_name>/<version>/  the model and what describes it
<export_dir>/serving/                 what TF Serving is started with
"""

import pathlib

import tensorflow as tf
from absl import logging

from ssd_tf.data.sources import Source
from ssd_tf.errors import InputError
from ssd_tf.files import first_line
from ssd_tf.serving import server_files, version_dir, warmup
from ssd_tf.serving.export_format import (
    DECODER_OPTIONS,
    PICTURE_OPTIONS,
    Exported,
    ExportFormat,
    ExportOption,
    ExportRequest,
)
from ssd_tf.serving.model_card import write_labels, write_model_card
from ssd_tf.serving.predictor import Predictor
from ssd_tf.serving.saved_model import (
    BYTES_SIGNATURE,
    MAX_MEGAPIXELS,
    PIXELS_SIGNATURE,
    DetectionModule,
)

_MAX_MEGAPIXELS_OF_JPEG = 65_535**2 // 10**6
# Value of --warmup -> the request's encoded pictures.
_WARMUPS = {
    "synthetic": lambda request: warmup.synthetic_images(),
    "real": lambda request: _real_images(*request.open_pictures()),
    "none": lambda request: [],
}


def _real_images(source: Source, splits: tuple[str, str]) -> list[bytes]:
    return warmup.real_images(source, splits[1])


def _export(request: ExportRequest) -> Exported:
    name = version_dir.check_model_name(
        request.options["model_name"] or request.run_name
    )
    pictures = _WARMUPS[request.options["warmup"]](request)

    def write_extras(folder: pathlib.Path) -> None:
        write_labels(folder, request.detector_config.class_names)
        if pictures:
            warmup.write_warmup(folder, pictures, model_name=name)
        write_model_card(folder, request, model_name=name)

    path = version_dir.export_saved_model(
        DetectionModule(
            request.detector_config,
            request.model,
            decoder=request.decoder,
            max_megapixels=request.options["max_megapixels"],
        ),
        request.export_dir / name,
        version=request.options["version"],
        write_extras=write_extras,
    )
    server_dir = request.export_dir / version_dir.SERVING_DIR
    missing = server_files.write_server_files(request.export_dir)
    if missing:
        logging.warning(
            "%s was changed and is left as it is; it lacks %s",
            server_dir / server_files.MODELS_FILE,
            ", ".join(missing),
        )
    return Exported(
        path,
        path.parent,
        server_script=server_dir / server_files.DOCKER_FILE,
    )


def predictor_of_saved_model(path) -> Predictor:
    """The predictor of a SavedModel on disk, where `find_saved_model` finds it.

    Raises:
      InputError: there is no SavedModel that ssd_tf exported, or it is
        broken.
    """
    folder = version_dir.find_saved_model(path)
    if folder is None:
        raise InputError(f"{path} holds no SavedModel")
    try:
        loaded = tf.saved_model.load(str(folder))
    # What TensorFlow raises differs by file and by where it is cut short.
    except (OSError, ValueError, LookupError, tf.errors.OpError) as error:
        raise InputError(
            f"the SavedModel in {folder} is broken: {first_line(error)}"
        ) from error
    lacking = None
    if BYTES_SIGNATURE not in loaded.signatures:
        lacking = f"lacks the signature {BYTES_SIGNATURE!r}"
    elif not hasattr(loaded, "class_names"):
        lacking = "holds no class names"
    if lacking:
        raise InputError(
            f"the SavedModel in {folder} {lacking}; expected an export of "
            "export.py"
        )
    names = loaded.class_names()["class_names"].numpy()

    # Through `loaded`, because its variables go when it goes.
    def detect(pixels):
        return loaded.signatures[PIXELS_SIGNATURE](
            input_tensor=tf.convert_to_tensor(pixels)
        )

    return Predictor(detect, [name.decode() for name in names])


_OPTIONS = (
    ExportOption(
        *("model_name", str, None),
        "Name to serve under (default: that of the run's folder).",
        group="saved_model",
    ),
    ExportOption(
        *("version", int, None),
        "Version to write (default: the next).",
        group="saved_model",
        bounds=(1, version_dir.MAX_VERSION),
    ),
    ExportOption(
        *("warmup", str, "synthetic"),
        "Pictures of the requests that TF Serving runs while it loads the "
        "version; real ones are of the run's eval_split and are stored with "
        "the model.",
        group="saved_model",
        choices=tuple(_WARMUPS),
    ),
    ExportOption(
        *("max_megapixels", int, MAX_MEGAPIXELS),
        "Largest picture that the model decodes, megapixels by its header; a "
        "larger one is answered with INVALID_ARGUMENT before it takes memory.",
        group="saved_model",
        bounds=(1, _MAX_MEGAPIXELS_OF_JPEG),
    ),
)
SAVED_MODEL = ExportFormat(
    name="saved_model",
    suffix="",
    options=(*DECODER_OPTIONS, *PICTURE_OPTIONS, *_OPTIONS),
    export=_export,
    load=predictor_of_saved_model,
)
