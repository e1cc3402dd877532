"""The export format of ONNX: <export_dir>/<detector>.onnx."""

import logging

from ssd_tf.serving.export_format import (
    DECODER_OPTIONS,
    NMS,
    Exported,
    ExportFormat,
    ExportRequest,
)
from ssd_tf.serving.onnx import export_onnx
from ssd_tf.serving.onnx_predictor import predictor_of_onnx

_SUFFIX = ".onnx"


def _export(request: ExportRequest) -> Exported:
    with_nms = request.options["nms"]
    # Each step of the conversion is a message of level INFO.
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)
    path = export_onnx(
        request.detector_config,
        request.model,
        request.file(_SUFFIX),
        decoder=request.decoder,
        with_nms=with_nms,
    )
    return Exported(path, path if with_nms else None)


ONNX = ExportFormat(
    name="onnx",
    suffix=_SUFFIX,
    options=(NMS, *DECODER_OPTIONS),
    export=_export,
    load=predictor_of_onnx,
)
