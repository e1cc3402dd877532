"""Caffe's prototxt of SSD on VGG16, for OpenCV to run.

Layers and their parameters: weiliu89/caffe, examples/ssd/ssd_pascal.py,
python/caffe/model_libs.py (VGGNetBody, CreateMultiBoxHead); for 512 pixels as
lufficc/SSD (backbone/vgg.py) has them, whose heads are Caffe's.
"""

from ssd_tf import PRESETS

_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def _layer(name, kind, bottoms, top, parameters=""):
    bottom = " ".join(f'bottom: "{b}"' for b in bottoms)
    return (
        f'layer {{ name: "{name}" type: "{kind}" {bottom} top: "{top}" '
        f"{parameters} }}\n"
    )


class _Net:
    """Collects layers; each method returns the top of what it adds."""

    def __init__(self, size):
        self.text = (
            f'name: "VGG_SSD_{size}" input: "data" input_shape '
            f"{{ dim: 1 dim: 3 dim: {size} dim: {size} }}\n"
        )

    def add(self, name, kind, bottoms, parameters=""):
        self.text += _layer(name, kind, bottoms, name, parameters)
        return name

    def conv(self, name, bottom, filters, kernel, *, relu=True, **options):
        values = {"num_output": filters, "kernel_size": kernel, **options}
        fields = " ".join(f"{key}: {value}" for key, value in values.items())
        self.add(
            name, "Convolution", [bottom], f"convolution_param {{ {fields} }}"
        )
        if relu:
            self.text += _layer(f"{name}_relu", "ReLU", [name], name)
        return name

    def pool(self, name, bottom, kernel, stride, pad):
        return self.add(
            name,
            "Pooling",
            [bottom],
            f"pooling_param {{ pool: MAX kernel_size: {kernel} "
            f"stride: {stride} pad: {pad} }}",
        )


def prototxt(size, num_classes=20):
    """The whole network, from pixels to the layer "detection_out"."""
    net = _Net(size)
    levels = _levels(net, size)
    config = PRESETS[f"ssd{size}_vgg16"]
    kinds = {"loc": 4, "conf": num_classes + 1}
    tops = {kind: [] for kind in (*kinds, "priorbox")}
    for k, level in enumerate(levels):
        boxes = config.boxes_per_cell[k]
        for kind, channels in kinds.items():
            name = f"{level}_mbox_{kind}"
            net.conv(name, level, boxes * channels, 3, pad=1, relu=False)
            net.add(
                f"{name}_perm",
                "Permute",
                [name],
                "permute_param { order: 0 order: 2 order: 3 order: 1 }",
            )
            tops[kind].append(
                net.add(f"{name}_flat", "Flatten", [f"{name}_perm"])
            )
        tops["priorbox"].append(_prior_box(net, config, level, k))
    for kind, bottoms in tops.items():
        axis = 2 if kind == "priorbox" else 1
        net.add(
            f"mbox_{kind}",
            "Concat",
            bottoms,
            f"concat_param {{ axis: {axis} }}",
        )
    net.add(
        "mbox_conf_reshape",
        "Reshape",
        ["mbox_conf"],
        "reshape_param { shape { dim: 0 dim: -1 "
        f"dim: {num_classes + 1} }} }}",
    )
    net.add(
        "mbox_conf_softmax",
        "Softmax",
        ["mbox_conf_reshape"],
        "softmax_param { axis: 2 }",
    )
    net.add("mbox_conf_flatten", "Flatten", ["mbox_conf_softmax"])
    net.add(
        "detection_out",
        "DetectionOutput",
        ["mbox_loc", "mbox_conf_flatten", "mbox_priorbox"],
        f"detection_output_param {{ num_classes: {num_classes + 1} "
        "share_location: true background_label_id: 0 "
        "nms_param { nms_threshold: 0.45 top_k: 400 } "
        "code_type: CENTER_SIZE keep_top_k: 200 confidence_threshold: 0.01 }",
    )
    return net.text.encode()


def _levels(net, size):
    """The names of the feature maps, fine to coarse."""
    x = "data"
    for block, (filters, repeats) in enumerate(_BLOCKS, start=1):
        for k in range(1, repeats + 1):
            x = net.conv(f"conv{block}_{k}", x, filters, 3, pad=1)
        if block < 5:
            x = net.pool(f"pool{block}", x, 2, 2, 0)
    x = net.pool("pool5", x, 3, 1, 1)
    x = net.conv("fc6", x, 1024, 3, pad=6, dilation=6)
    x = net.conv("fc7", x, 1024, 1)
    levels = [
        net.add(
            "conv4_3_norm",
            "Normalize",
            ["conv4_3"],
            "norm_param { across_spatial: false channel_shared: false }",
        ),
        x,
    ]
    num_strided = 2 if size == 300 else 4
    for k in range(4 if size == 300 else 5):
        narrow, wide = (256, 512) if k == 0 else (128, 256)
        x = net.conv(f"conv{6 + k}_1", x, narrow, 1)
        if k < num_strided:
            options = {"pad": 1, "stride": 2}
        else:
            options = {} if size == 300 else {"pad": 1}
        kernel = 4 if k == 4 else 3
        x = net.conv(f"conv{6 + k}_2", x, wide, kernel, **options)
        levels.append(x)
    return levels


def _prior_box(net, config, level, k):
    ratios = " ".join(f"aspect_ratio: {r}" for r in config.aspect_ratios[k])
    # Caffe reads the sizes into whole numbers (prior_box_layer.cpp,
    # Forward_cpu), which OpenCV does not.
    return net.add(
        f"{level}_mbox_priorbox",
        "PriorBox",
        [level, "data"],
        f"prior_box_param {{ min_size: {int(config.min_sizes_px[k])} "
        f"max_size: {int(config.max_sizes_px[k])} {ratios} flip: true "
        "clip: false variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 "
        f"step: {config.steps_px[k]} offset: 0.5 }}",
    )
