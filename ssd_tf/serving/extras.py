"""The optional packages of the exports, imported where they are needed."""

import importlib
from types import ModuleType

from ssd_tf.errors import InputError


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Imports a module of an extra.

    Args:
      module: full name, such as "onnxruntime".
      extra: the extra of ssd_tf that installs it.
      purpose: what needs it, such as "reading model.onnx".

    Raises:
      InputError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{purpose} needs {module.split('.')[0]}: "
            f'pip install "ssd_tf[{extra}]"'
        ) from error
