"""Version folders, and what finds them."""

import errno
import os
import shutil

import pytest
import tensorflow as tf

from ssd_tf import InputError, serving
from ssd_tf.serving import version_dir


@pytest.fixture
def saved(monkeypatch):
    """Replaces the slow part of saving; -> folders that were written to."""
    folders = []

    def save(module, folder, signatures):
        folders.append(folder)
        with open(f"{folder}/saved_model.pb", "wb"):
            pass

    monkeypatch.setattr(tf.saved_model, "save", save)
    return folders


@pytest.fixture
def export(small_module, tmp_path, saved):
    def call(version=None):
        return serving.export_saved_model(
            small_module, tmp_path / "deep/exports", version=version
        ).relative_to(tmp_path)

    return call


def names(path):
    return sorted(p.name for p in path.iterdir())


def test_versions_count_up(export, tmp_path, saved):
    exports = tmp_path / "deep/exports"
    assert str(export()) == "deep/exports/1"
    assert str(export()) == "deep/exports/2"
    assert str(export(9)) == "deep/exports/9"
    (exports / "notes").mkdir()
    # What a killed export leaves; a test of ssd_tf.unfinished kills one.
    (exports / ".ssd_tf_tmp_left/variables").mkdir(parents=True)
    (exports / "77").write_text("not a version")
    assert str(export()) == "deep/exports/10"
    assert str(export(5)) == "deep/exports/5"
    assert names(exports) == ["1", "10", "2", "5", "77", "9", "notes"]
    assert names(exports / "10") == ["saved_model.pb"]
    # Readable by the account that serves it.
    assert (exports / "10").stat().st_mode & 0o777 == 0o755
    # Never under a name that TF Serving would load half-written.
    assert not any(folder.split("/")[-1].isdecimal() for folder in saved)


def test_existing_version_is_refused(export, tmp_path):
    export(3)
    file = tmp_path / "deep/exports/3/saved_model.pb"
    file.write_bytes(b"keep")
    with pytest.raises(InputError, match="exports/3 exists already"):
        export(3)
    assert file.read_bytes() == b"keep"
    assert names(tmp_path / "deep/exports") == ["3"]


@pytest.fixture
def fail(monkeypatch):
    """Makes saving stop half-way with an error."""

    def call(error):
        def save(module, folder, signatures):
            with open(f"{folder}/half", "wb"):
                raise error

        monkeypatch.setattr(tf.saved_model, "save", save)

    return call


@pytest.mark.parametrize(
    "error, reason",
    [
        (OSError("disk full"), "disk full"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left"),
        (
            tf.errors.ResourceExhaustedError(None, None, "x; No space\nmore"),
            "x; No space",
        ),
        (tf.errors.PermissionDeniedError(None, None, "x; denied"), "x; denied"),
    ],
)
def test_folder_that_cannot_be_written(export, fail, tmp_path, error, reason):
    export()
    fail(error)
    with pytest.raises(
        InputError, match=f"deep/exports cannot be written: {reason}[^\n]*$"
    ):
        export()
    assert names(tmp_path / "deep/exports") == ["1"]


def test_folder_that_is_read_only(export, tmp_path, monkeypatch):
    """Said by the system: tests may run as one whom no mode stops."""

    def mkdtemp(prefix, dir):
        raise PermissionError(errno.EACCES, "Permission denied", dir)

    monkeypatch.setattr("tempfile.mkdtemp", mkdtemp)
    with pytest.raises(
        InputError, match="deep/exports cannot be written: Permission denied$"
    ):
        export()
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TypeError("a bug")])
def test_nothing_half_written_is_left(export, fail, tmp_path, error):
    (tmp_path / "deep").mkdir()
    fail(error)
    with pytest.raises(type(error)):
        export()
    assert names(tmp_path) == ["deep"] and names(tmp_path / "deep") == []


@pytest.fixture
def meanwhile(monkeypatch):
    """Makes something happen as an export is about to get its number."""

    def call(happen):
        rename = os.rename

        def late(self, target):
            monkeypatch.undo()  # once
            happen(target)
            rename(self, target)
            return target

        monkeypatch.setattr("pathlib.Path.rename", late)

    return call


def finish_another(target):
    os.mkdir(target)
    with open(f"{target}/saved_model.pb", "wb") as file:
        file.write(b"another")


def test_two_exports_at_once(export, meanwhile, tmp_path):
    """The second takes the next number; both are there."""
    meanwhile(finish_another)
    assert str(export()) == "deep/exports/2"
    exports = tmp_path / "deep/exports"
    assert names(exports) == ["1", "2"]
    assert (exports / "1/saved_model.pb").read_bytes() == b"another"


def test_two_exports_of_the_same_version(export, meanwhile, tmp_path):
    meanwhile(finish_another)
    with pytest.raises(InputError, match="exports/7 exists already; expected"):
        export(7)
    exports = tmp_path / "deep/exports"
    assert names(exports) == ["7"]
    assert (exports / "7/saved_model.pb").read_bytes() == b"another"


@pytest.mark.parametrize("version", [None, 1])
def test_empty_folder_that_came_meanwhile(
    small_module, saved, tmp_path, version
):
    def write_extras(folder):
        (tmp_path / "1").mkdir()

    def call():
        return serving.export_saved_model(
            *(small_module, tmp_path),
            version=version,
            write_extras=write_extras,
        )

    if version is None:
        assert call() == tmp_path / "2"
    else:
        with pytest.raises(InputError, match="1 exists already; expected"):
            call()
    assert names(tmp_path / "1") == []


@pytest.mark.parametrize("version", [0, 2**63])
def test_number_that_no_version_can_have(export, tmp_path, version):
    message = f"^a version is 1..9223372036854775807, got {version}$"
    with pytest.raises(InputError, match=message):
        export(version)
    assert names(tmp_path) == []


def test_largest_version_is_found(export, tmp_path):
    exports = tmp_path / "deep/exports"
    assert serving.find_saved_model(exports) is None
    for version in (2, 10, 9):
        export(version)
    (exports / "99").mkdir()  # holds nothing
    assert serving.find_saved_model(exports) == exports / "10"
    assert serving.find_saved_model(exports / "9") == exports / "9"
    assert serving.find_saved_model(exports / "99") is None
    assert serving.find_saved_model(exports / "9/saved_model.pb") is None
    with pytest.raises(InputError, match="99 holds no SavedModel"):
        serving.predictor_of_saved_model(exports / "99")


def test_saved_model_of_somebody_else(tmp_path):
    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path / "bare"))
    with pytest.raises(
        InputError, match="bare lacks the signature 'serving_default'; expected"
    ):
        serving.predictor_of_saved_model(tmp_path / "bare")
    module.double = tf.function(
        lambda x: {"y": 2.0 * x}, input_signature=[tf.TensorSpec([])]
    )
    tf.saved_model.save(
        module,
        str(tmp_path / "other"),
        signatures={"serving_default": module.double},
    )
    with pytest.raises(
        InputError, match="other holds no class names; expected an export of"
    ):
        serving.predictor_of_saved_model(tmp_path / "other")


@pytest.mark.parametrize(
    "file, size",
    [
        ("saved_model.pb", 0),  # nothing: no error of the parser
        ("saved_model.pb", 1000),
        ("variables/variables.index", 10),
        ("variables/variables.data-00000-of-00001", 10),
    ],
)
def test_broken_saved_model(small_export, tmp_path, file, size):
    shutil.copytree(small_export, tmp_path / "cells")
    os.truncate(tmp_path / "cells" / file, size)
    with pytest.raises(
        InputError, match="^the SavedModel in .*cells is broken: .+$"
    ) as caught:
        serving.predictor_of_saved_model(tmp_path / "cells")
    assert "\n" not in str(caught.value)


def test_predictor(small_export, small_module, pictures):
    predictor = serving.predictor_of_saved_model(small_export.parent)
    assert predictor.class_names == (
        "circle",
        "square",
        "star",
        "triangle",
    )
    found = predictor(pictures[0])
    outputs = small_module.detect_bytes(tf.constant(pictures[:1]))
    number = int(outputs["num_detections"][0])
    assert found.boxes.shape == (number, 4)
    assert found.scores.shape == found.classes.shape == (number,)
    assert found.classes.dtype == "int32" and found.classes.min() >= 1
    with pytest.raises(tf.errors.InvalidArgumentError):
        predictor(b"junk")


def test_model_of_an_export_dir_is_found(export, tmp_path, small_module):
    exports = tmp_path / "deep/exports"
    export(2)
    assert serving.find_saved_model(tmp_path / "deep") == exports / "2"
    (tmp_path / "deep/serving").mkdir()
    (tmp_path / "deep/model.onnx").touch()
    assert serving.find_saved_model(tmp_path / "deep") == exports / "2"
    serving.export_saved_model(small_module, tmp_path / "deep/other")
    with pytest.raises(
        InputError,
        match="deep holds several models: exports, other; expected the folder "
        "of one, such as .*deep/exports$",
    ):
        serving.find_saved_model(tmp_path / "deep")
    assert serving.find_saved_model(exports) == exports / "2"


@pytest.mark.parametrize("name", ["mine", "a_b-c.1", "_", "2nd"])
def test_names_of_models(name):
    assert version_dir.check_model_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "7", ".hidden", "-x", "a b", "a/b", "a:b", "é"]
)
def test_names_that_no_model_can_have(name):
    with pytest.raises(InputError, match=f"^{name!r} cannot be the name of a"):
        version_dir.check_model_name(name)
