"""The export format of LiteRT: <export_dir>/<detector>.tflite."""

from ssd_tf.serving.export_format import (
    DATA_DIR,
    DECODER_OPTIONS,
    NMS,
    Exported,
    ExportFormat,
    ExportOption,
    ExportRequest,
)
from ssd_tf.serving.litert import QUANTIZATIONS, export_litert
from ssd_tf.serving.litert_predictor import predictor_of_litert
from ssd_tf.serving.pictures import representative_images

_SUFFIX = ".tflite"


def _export(request: ExportRequest) -> Exported:
    options = request.options
    quantization = options["quantization"]
    kind = "" if quantization == "none" else f"_{quantization}"
    path = export_litert(
        request.detector_config,
        request.model,
        request.file(f"{kind}{_SUFFIX}"),
        decoder=request.decoder,
        quantization=quantization,
        representative_images=_images(request),
        with_nms=options["nms"],
    )
    return Exported(path, path if options["nms"] else None)


def _images(request: ExportRequest):
    """Images for int8, None for the others, which need none."""
    options = request.options
    if options["quantization"] != "int8":
        return None
    return representative_images(
        request.build_source(),
        options["representative_split"] or request.train_config.train_split,
        image_size=request.detector_config.image_size,
        count=options["representative_images"],
    )


_OF_INT8 = (("quantization", "int8"),)
_OPTIONS = (
    ExportOption(
        *("quantization", str, "none"),
        "float16 halves the file; int8 also calculates in 8 bits, with ranges "
        "from images of the run's data set.",
        group="litert",
        choices=tuple(QUANTIZATIONS),
    ),
    ExportOption(
        *("representative_split", str, None),
        "Split of those images (default: the one trained on).",
        group="litert",
        needs=_OF_INT8,
    ),
    ExportOption(
        *("representative_images", int, 100),
        "Number of those images.",
        group="litert",
        bounds=(1, None),
        needs=_OF_INT8,
    ),
)
LITERT = ExportFormat(
    name="litert",
    suffix=_SUFFIX,
    options=(NMS, *DECODER_OPTIONS, DATA_DIR, *_OPTIONS),
    export=_export,
    load=predictor_of_litert,
)
