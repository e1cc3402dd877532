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
    raw = "" if options["nms"] else "_raw"
    kind = "" if quantization == "none" else f"_{quantization}"
    path = export_litert(
        request.detector_config,
        request.model,
        request.export_dir / f"{request.model.name}{raw}{kind}{_SUFFIX}",
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


LITERT = ExportFormat(
    name="litert",
    suffix=_SUFFIX,
    options=(
        NMS,
        *DECODER_OPTIONS,
        DATA_DIR,
        ExportOption(
            name="quantization",
            kind=str,
            default="none",
            help="float16 halves the file; int8 also calculates in 8 bits, "
            "with ranges from images of the run's data set.",
            group="litert",
            choices=tuple(QUANTIZATIONS),
        ),
        ExportOption(
            name="representative_split",
            kind=str,
            default=None,
            help="Split of those images (default: the one trained on).",
            group="litert",
            needs=(("quantization", "int8"),),
        ),
        ExportOption(
            name="representative_images",
            kind=int,
            default=100,
            help="Number of images.",
            group="litert",
            lowest=1,
            needs=(("quantization", "int8"),),
        ),
    ),
    export=_export,
    load=predictor_of_litert,
)
