"""Fixtures that several test files need."""

import contextlib
import dataclasses
import os
import resource
import shutil
import signal
import subprocess
import sys

import keras
import pytest
import tensorflow as tf
from absl import logging
from playwright.sync_api import sync_playwright

from ssd_tf import DetectorConfig, TrainConfig, commands, serving, training
from ssd_tf.data.sources import registry, shapes, shapes_drawing
from ssd_tf.models import BACKBONES, Backbone, layers

# Two devices for what is distributed. TensorFlow starts after this.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

# A shell's background job ignores Ctrl-C, and so does what it starts: a test
# that sends it to a program would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


def disable_grappler():
    """It takes longer than to run graphs that are this small."""
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": True}
    )


@pytest.fixture(scope="module")
def no_grappler():
    """For tests that trace a new graph each; others have it as users do."""
    disable_grappler()
    yield
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": False}
    )


@pytest.fixture
def toy_config():
    """Eight anchors whose corners are exact in float32.

    Four cells with centres at 1/4 and 3/4; each has a box of side 1/2, which
    is the cell, and one of side sqrt(1/2 * 2) = 1 around the same centre.
    """
    return DetectorConfig(
        backbone="tiny",
        image_size=64,
        feature_sizes=(2,),
        steps_px=(32,),
        min_sizes_px=(32.0,),
        max_sizes_px=(128.0,),
        aspect_ratios=((),),
        num_classes=2,
    )


def _build_small(images, image_size):
    """[B, 64, 64, 3] -> maps of 8 and 4 cells, with every kind of weight."""
    del image_size
    x = layers.PixelNormalization((127.5,) * 3, scale=1 / 64)(images)
    x = keras.layers.Conv2D(
        8, 3, strides=4, padding="same", use_bias=False, name="stem"
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="stem_bn")(x)
    x = layers.padded_conv_relu(x, 8, 3, strides=2, name="down1")
    fine = layers.L2Norm(name="norm")(x)
    return [fine, layers.padded_conv_relu(x, 8, 3, strides=2, name="down2")]


SMALL_NETWORK = Backbone(build=_build_small)


@pytest.fixture(scope="session")
def small_network():
    """A `Backbone` that is traced in a second, to hand in."""
    return SMALL_NETWORK


@pytest.fixture
def small_backbone(monkeypatch, small_network):
    """Makes "small" known by name, for commands that read it in a run."""
    monkeypatch.setitem(BACKBONES, "small", small_network)


SMALL_DETECTOR = DetectorConfig(
    backbone="small",
    image_size=64,
    feature_sizes=(8, 4),
    steps_px=(8, 16),
    min_sizes_px=(16.0, 32.0),
    max_sizes_px=(32.0, 56.0),
    aspect_ratios=((2,), (2,)),
    num_classes=4,
    class_names=tuple(shapes_drawing.CLASS_NAMES),
)


@pytest.fixture(scope="session")
def small_detector():
    """A detector of 320 anchors for the classes of shapes."""
    return SMALL_DETECTOR


SMALL_TRAIN = TrainConfig(
    batch_size=2,
    steps=2,
    optimizer="adamw",
    learning_rate=1e-3,
    schedule="cosine",
    decay_steps=(),
    weight_decay=0.01,
    average_decay=0.9,
    augmentation="none",
)


# For one device or for several processes.
TRAIN_OF_WORKERS = dataclasses.replace(
    SMALL_TRAIN, steps=4, batch_size=6, flip_up_down=True
)


@pytest.fixture
def small_train():
    """Two steps of two images."""
    return SMALL_TRAIN


@pytest.fixture(scope="session")
def shapes_dir(tmp_path_factory):
    """A data_dir with a shapes of 6 and 4 images, already drawn."""
    data_dir = tmp_path_factory.mktemp("shapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "_NUM_EXAMPLES", {"train": 6, "test": 4})
        registry.build_source("shapes", data_dir=str(data_dir))
    return str(data_dir)


@pytest.fixture
def shapes_source(shapes_dir):
    """The source of that folder."""
    return registry.build_source("shapes", data_dir=shapes_dir)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory, shapes_dir, small_network):
    """The directory of a finished run of the small detector."""
    run_dir = training.RunDir(tmp_path_factory.mktemp("run"))
    source = registry.build_source("shapes", data_dir=shapes_dir)
    training.TrainingRun(
        SMALL_DETECTOR,
        SMALL_TRAIN,
        source,
        run_dir,
        backbone=small_network,
    ).train()
    return run_dir.path


@pytest.fixture(scope="session")
def small_model(small_run, small_network):
    """The model of that run."""
    _, _, model = training.load_run(small_run, backbone=small_network)
    return model


@pytest.fixture(scope="session")
def small_module(small_run, small_model):
    """The `DetectionModule` of that run."""
    config, _ = training.RunDir(small_run).read_configs()
    return serving.DetectionModule(config, small_model)


@pytest.fixture(scope="session")
def small_export(small_module, tmp_path_factory):
    """Version 1 of the export of that run."""
    return serving.export_saved_model(
        small_module, tmp_path_factory.mktemp("export")
    )


@pytest.fixture(scope="module")
def browser():
    """Chromium without a screen, whose camera films a test pattern.

    It comes with the system: apt-get install chromium. `.ci/run` installs it
    and then insists on it. Not for the whole session: as long as it is there,
    nothing else may run an event loop in this thread.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None and "REQUIRE_CHROMIUM" not in os.environ:
        pytest.skip("no Chromium here: apt-get install chromium")
    assert chromium, "REQUIRE_CHROMIUM is set, and there is no chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                # Root, as in a container, has no sandbox to run it in.
                *(["--no-sandbox"] if os.getuid() == 0 else []),
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def disk(tmp_path):
    """A folder, on a small disk of its own where this process may mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    is_mounted = _mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", folder)
    yield folder
    if is_mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def fill_disk(disk):
    """() -> context in which no file of some size can be written to `disk`."""

    @contextlib.contextmanager
    def fill():
        if os.path.ismount(disk):
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file:
                with contextlib.suppress(OSError):
                    while file.write(bytes(4096)):
                        pass
            yield
            filler.unlink()
            return
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return fill


@pytest.fixture
def read_only():
    """(folder) -> context in which it cannot be written to, by root either."""

    @contextlib.contextmanager
    def protect(folder):
        if _mount("--bind", folder, folder):
            assert _mount("-o", "remount,bind,ro", folder)
            try:
                yield
            finally:
                subprocess.run(["umount", "--lazy", folder], check=True)
            return
        paths = [folder, *folder.rglob("*")]
        modes = [path.stat().st_mode for path in paths]
        parents = [p for p in folder.parents if p.stat().st_uid == os.geteuid()]
        for path in paths:
            path.chmod(0o555)
        for path in parents[:-1]:
            path.chmod(path.stat().st_mode | 0o055)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # nobody: root may do anything
        try:
            yield
        finally:
            os.seteuid(user)
            for path, mode in zip(paths, modes, strict=True):
                path.chmod(mode)

    return protect


def _mount(*arguments):
    """True if this process may mount, and has."""
    if not shutil.which("mount"):
        return False
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True)
    return done.returncode == 0


@pytest.fixture(autouse=True)
def verbosity():
    """Undoes the verbosity of a program."""
    before = logging.get_verbosity()
    yield
    logging.set_verbosity(before)


@pytest.fixture
def keep_signals():
    """Undoes what a script does to this process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def script(capsys, keep_signals, monkeypatch):
    """(command, *flags) -> exit status, stdout, lines of stderr."""

    def call(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{name}.py"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            commands.main([name, *map(str, arguments)])
        out, err = capsys.readouterr()
        return stopped.value.code, out, err.splitlines()

    return call


@pytest.fixture
def export(script, small_run, small_backbone, tmp_path):
    """Flags of export.py -> exit status, stdout, lines of stderr."""

    def call(*arguments):
        return script(
            "export",
            f"--run_dir={small_run}",
            f"--export_dir={tmp_path / 'exports'}",
            *arguments,
        )

    return call
