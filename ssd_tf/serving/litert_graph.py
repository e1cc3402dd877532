"""LiteRT models as graphs: converting functions, joining two models in one."""

import tempfile
from collections.abc import Callable, Sequence
from types import ModuleType

import flatbuffers
import keras
import tensorflow as tf

from ssd_tf.serving.files import require

_FILE_IDENTIFIER = b"TFL3"
_VERSION_NAME = b"min_runtime_version"
# The schema's force_align of buffers, which its Python code does not heed.
_ALIGNMENT = 16


def convert(
    function: Callable,
    specs: Sequence[tf.TensorSpec],
    *,
    model: keras.Model | None = None,
    set_options: Callable[[tf.lite.TFLiteConverter], None] = lambda _: None,
) -> bytes:
    """Converts a function to a LiteRT model with one signature.

    The function takes tensors of the specs and gives a dict of tensors;
    `model` has the weights it uses. `set_options` changes the converter.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A tf.Module that holds a Keras model would lose its weights here.
        archive = keras.export.ExportArchive()
        if model is not None:
            archive.track(model)
        archive.add_endpoint("serve", function, list(specs))
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        set_options(converter)
        return converter.convert()


def read(model: bytes):
    """The model as objects of the schema, which can be changed."""
    return library("tools.flatbuffer_utils").read_model_from_bytearray(model)


def write(model) -> bytes:
    """The flatbuffer of a changed model."""
    builder = _AlignedBuilder()
    builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
    return bytes(builder.Output())


def join(first, second) -> None:
    """Appends the second model to the first, in place.

    The inputs of the second are the first's outputs of the same name.
    """
    graph, appended = first.subgraphs[0], second.subgraphs[0]
    made = {m.name: m.tensorIndex for m in first.signatureDefs[0].outputs}
    needed = {m.tensorIndex: m.name for m in second.signatureDefs[0].inputs}
    new_index = []  # of each tensor of the second
    for i, tensor in enumerate(appended.tensors):
        if i in needed:
            new_index.append(made[needed[i]])
            continue
        new_index.append(len(graph.tensors))
        tensor.buffer += len(first.buffers)
        graph.tensors.append(tensor)

    def renumber(indices):  # -1 stands for an optional input
        return [i if i < 0 else new_index[i] for i in indices]

    for operator in appended.operators:
        operator.opcodeIndex += len(first.operatorCodes)
        operator.inputs = renumber(operator.inputs)
        operator.outputs = renumber(operator.outputs)
        graph.operators.append(operator)
    first.signatureDefs[0].outputs = second.signatureDefs[0].outputs
    for tensor_map in first.signatureDefs[0].outputs:
        tensor_map.tensorIndex = new_index[tensor_map.tensorIndex]
    versions = [bytes(_version_buffer(m).data) for m in (first, second)]
    version = max(versions, key=_by_number)
    first.buffers += second.buffers
    first.operatorCodes += second.operatorCodes
    _version_buffer(first).data = version


def order_outputs(model, names: Sequence[str]) -> None:
    """Orders the outputs, in place, and calls their tensors so, too.

    The converter's order is arbitrary.
    """
    graph, (signature,) = model.subgraphs[0], model.signatureDefs
    by_name = {m.name.decode(): m for m in signature.outputs}
    signature.outputs = [by_name[name] for name in names]
    graph.outputs = [m.tensorIndex for m in signature.outputs]
    for index, name in zip(graph.outputs, names, strict=True):
        graph.tensors[index].name = name


def add_metadata(model, name: str, content: bytes) -> None:
    """Stores bytes under a name, in place."""
    schema = library("schema_py_generated")
    entry = schema.MetadataT(name=name, buffer=len(model.buffers))
    model.metadata.append(entry)
    model.buffers.append(schema.BufferT(data=list(content)))


class _AlignedBuilder(flatbuffers.Builder):
    def StartVector(self, elem_size, num_elems, alignment):  # noqa: N802
        return super().StartVector(
            elem_size, num_elems, max(alignment, _ALIGNMENT)
        )


def library(module: str) -> ModuleType:
    """A module of ai_edge_litert.

    Raises:
      InputError: it is not installed.
    """
    return require(
        f"ai_edge_litert.{module}", extra="litert", purpose="a LiteRT export"
    )


def _version_buffer(model):
    (entry,) = (m for m in model.metadata if m.name == _VERSION_NAME)
    return model.buffers[entry.buffer]


def _by_number(version: bytes) -> list[int]:
    """[2, 12, 0] of b"2.12.0" padded with zeros."""
    return [int(part) for part in version.rstrip(b"\0").decode().split(".")]
