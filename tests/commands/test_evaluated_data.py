"""The data that a run is measured on, where they are now or others."""

import pytest
from absl import flags

from ssd_tf import DetectorConfig, training
from ssd_tf.commands.evaluate import define_flags
from ssd_tf.commands.evaluated_data import choose_data, open_split
from ssd_tf.config import TrainConfig
from ssd_tf.errors import InputError
from tests.data import other_layouts


@pytest.fixture
def pets(tmp_path):
    """Twelve different pictures without a split."""
    root = tmp_path / "pets"
    other_layouts.write_cats(root, 12)
    return root


@pytest.fixture
def measured_on(tmp_path, pets, small_detector):
    """Fields of `TrainConfig`, flags -> source and split."""

    def call(fields, *arguments):
        fields = {
            "dataset": "labelme_folder",
            "data_dir": str(pets),
            "eval_split": "val",
            "val_fraction": 0.5,
            **fields,
        }
        run_dir = training.RunDir(tmp_path / "run")
        if not run_dir.config_file.exists():
            detector = DetectorConfig.from_dict(
                {
                    **small_detector.to_dict(),
                    "num_classes": 2,
                    "class_names": ("cat", "dog"),
                }
            )
            run_dir.create(detector, TrainConfig(**fields))
        values = flags.FlagValues()
        define_flags(values)
        values(["", f"--model={run_dir.path}", *map(str, arguments)])
        return open_split(
            choose_data(values), model="run", class_names=("cat", "dog")
        )

    return call


def names(source, split):
    return {raw.image_id for raw in source.raw_images(split)}


def test_the_split_of_the_run(measured_on, pets, tmp_path):
    source, split = measured_on({})
    val = names(source, split)
    assert split == "val" and source.val_fraction == 0.5
    assert 2 < len(val) < 10
    pets.rename(tmp_path / "moved")
    with pytest.raises(InputError) as error:
        measured_on({})
    assert str(error.value) == (
        f"{pets}, the data of the run, is not there; give --data_dir, the"
        " folder where they are now"
    )
    source, split = measured_on({}, f"--data_dir={tmp_path / 'moved'}")
    assert names(source, split) == val


def test_another_folder_in_another_layout(measured_on, tmp_path):
    other = other_layouts.write_yolo(tmp_path / "other")
    source, split = measured_on({}, f"--data_dir={other}")
    assert (source.name, split) == ("yolo_folder", "val")
    assert names(source, split) == {"c.jpg"}
    source, split = measured_on({}, f"--data_dir={other}", "--split=train")
    assert names(source, split) == {"a.jpg", "b.jpg"}
    # Its own name for what is evaluated on.
    text = (other / "data.yaml").read_text().replace("val:", "test:")
    (other / "data.yaml").write_text(text)
    source, split = measured_on({}, f"--data_dir={other}")
    assert split == "test"


def test_a_run_with_two_folders(measured_on, pets, tmp_path):
    held_out = other_layouts.write_labelme(tmp_path / "held_out")
    fields = {"val_fraction": 0.0, "val_dir": str(held_out)}
    source, split = measured_on(fields)
    assert names(source, split) == {"c.jpg"}
    source, split = measured_on(fields, f"--data_dir={pets}")
    assert names(source, split) < {f"{i}.jpg" for i in range(12)}
    third = other_layouts.write_labelme(tmp_path / "third")
    source, split = measured_on(fields, f"--val_dir={third}")
    assert source.val_dir == str(third)


def test_a_run_of_an_earlier_version_is_not_divided(measured_on, pets):
    fields = {"val_fraction": 0.0, "eval_split": "all"}
    source, split = measured_on(fields)
    assert split == "all" and source.num_examples(split) == 12
