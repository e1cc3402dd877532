"""Weights of SSD that their authors publish.

Read in the projects' pages and code; no file was downloaded. The figures of
Caffe's files for COCO are the paper's.
"""

import dataclasses

VOC2007 = "VOC2007 test mAP@.5"
COCO_VAL2017 = "COCO val2017 AP"
COCO_TEST_DEV = "COCO test-dev2015 AP"


@dataclasses.dataclass(frozen=True)
class PublishedWeights:
    """One file.

    Attributes:
      url: of the file itself, or of a page to fetch it from by hand.
      file: its name, or that of the weights in the archive.
      project: "owner/name" on GitHub.
      licence: of the project; empty where none could be found.
      classes: "voc" (20), "coco" (80), "coco_ids" (the 91 numbers of COCO,
        of which 80 are in use) or "imagenet" (a backbone without heads).
      read_in: the project's file that has the address.
      ap: as the authors publish it, in percent; None where they give none.
      metric: of `ap`.
      sha256: its first digits, which PyTorch puts into file names; empty where
        none are published.
      by_hand: the address is a page, or an archive that is to be unpacked.
    """

    url: str
    file: str
    project: str
    licence: str
    classes: str
    read_in: str
    ap: float | None = None
    metric: str = ""
    sha256: str = ""
    by_hand: bool = False


def _torchvision(file, sha256, classes, **kwargs):
    return PublishedWeights(
        url=f"https://download.pytorch.org/models/{file}-{sha256}.pth",
        file=f"{file}-{sha256}.pth",
        project="pytorch/vision",
        licence="BSD-3-Clause",
        classes=classes,
        sha256=sha256,
        **kwargs,
    )


def _lufficc(file, classes, ap, metric):
    return PublishedWeights(
        url=f"https://github.com/lufficc/SSD/releases/download/1.2/{file}",
        file=file,
        project="lufficc/SSD",
        licence="MIT",
        classes=classes,
        read_in="README.md",
        ap=ap,
        metric=metric,
    )


def _qfgaohao(file, ap):
    return PublishedWeights(
        url=f"https://storage.googleapis.com/models-hao/{file}",
        file=file,
        project="qfgaohao/pytorch-ssd",
        licence="",
        classes="voc",
        read_in="README.md",
        ap=ap,
        metric=VOC2007,
    )


def _google_drive(drive_id, file, project, licence, classes, **kwargs):
    return PublishedWeights(
        url=f"https://drive.google.com/open?id={drive_id}",
        file=file,
        project=project,
        licence=licence,
        classes=classes,
        read_in="README.md",
        by_hand=True,
        **kwargs,
    )


def _caffe(drive_id, file, classes, ap, metric):
    return _google_drive(
        drive_id,
        f"{file}.caffemodel",
        "weiliu89/caffe",
        "BSD",
        classes,
        ap=ap,
        metric=metric,
    )


def _ssd_keras(drive_id, file, classes):
    return _google_drive(
        drive_id,
        f"{file}.h5",
        "pierluigiferrari/ssd_keras",
        "Apache-2.0",
        classes,
    )


# By "DATA/MODEL@PROJECT".
PUBLISHED = {
    "coco/ssd300_vgg16@torchvision": _torchvision(
        "ssd300_vgg16_coco",
        "b556d3b4",
        "coco_ids",
        read_in="torchvision/models/detection/ssd.py",
        ap=25.1,
        metric=COCO_VAL2017,
    ),
    "coco/ssdlite320_mobilenet_v3_large@torchvision": _torchvision(
        "ssdlite320_mobilenet_v3_large_coco",
        "a79551df",
        "coco_ids",
        read_in="torchvision/models/detection/ssdlite.py",
        ap=21.3,
        metric=COCO_VAL2017,
    ),
    "imagenet/vgg16_features@torchvision": _torchvision(
        "vgg16_features-amdegroot",
        "88682ab5",
        "imagenet",
        read_in="torchvision/models/vgg.py",
    ),
    "voc/vgg_ssd300@lufficc": _lufficc(
        "vgg_ssd300_voc0712.pth", "voc", 77.7, VOC2007
    ),
    "voc/vgg_ssd512@lufficc": _lufficc(
        "vgg_ssd512_voc0712.pth", "voc", 80.7, VOC2007
    ),
    "coco/vgg_ssd300@lufficc": _lufficc(
        "vgg_ssd300_coco_trainval35k.pth", "coco", 25.2, "COCO AP"
    ),
    "coco/vgg_ssd512@lufficc": _lufficc(
        "vgg_ssd512_coco_trainval35k.pth", "coco", 29.0, "COCO AP"
    ),
    "voc/mobilenet_v2_ssd320@lufficc": _lufficc(
        "mobilenet_v2_ssd320_voc0712_v2.pth", "voc", 68.9, VOC2007
    ),
    "voc/ssd300@ssd.pytorch": PublishedWeights(
        url="https://s3.amazonaws.com/amdegroot-models/ssd300_mAP_77.43_v2.pth",
        file="ssd300_mAP_77.43_v2.pth",
        project="amdegroot/ssd.pytorch",
        licence="MIT",
        classes="voc",
        read_in="README.md",
        ap=77.43,
        metric=VOC2007,
    ),
    "voc/vgg16_ssd@qfgaohao": _qfgaohao("vgg16-ssd-mp-0_7726.pth", 77.26),
    "voc/mobilenet_v1_ssd@qfgaohao": _qfgaohao(
        "mobilenet-v1-ssd-mp-0_675.pth", 67.55
    ),
    "voc/mb2_ssd_lite@qfgaohao": _qfgaohao("mb2-ssd-lite-mp-0_686.pth", 68.61),
    "voc/ssd300@caffe": _caffe(
        "0BzKzrI_SkD1_WVVTSmQxU0dVRzA",
        "VGG_VOC0712_SSD_300x300_iter_120000",
        "voc",
        77.2,
        VOC2007,
    ),
    "voc/ssd512@caffe": _caffe(
        "0BzKzrI_SkD1_ZDIxVHBEcUNBb2s",
        "VGG_VOC0712_SSD_512x512_iter_120000",
        "voc",
        79.8,
        VOC2007,
    ),
    "coco/ssd300@caffe": _caffe(
        "0BzKzrI_SkD1_dUY1Ml9GRTFpUWc",
        "VGG_coco_SSD_300x300_iter_400000",
        "coco",
        25.1,
        COCO_TEST_DEV,
    ),
    "coco/ssd512@caffe": _caffe(
        "0BzKzrI_SkD1_dlJpZHJzOXd3MTg",
        "VGG_coco_SSD_512x512_iter_360000",
        "coco",
        28.8,
        COCO_TEST_DEV,
    ),
    "voc/ssd300@ssd_keras": _ssd_keras(
        "121-kCXaOHOkJE_Kf5lKcJvC_5q1fYb_q",
        "VGG_VOC0712_SSD_300x300_iter_120000",
        "voc",
    ),
    "voc/ssd512@ssd_keras": _ssd_keras(
        "19NIa0baRCFYT3iRxQkOKCD7CpN6BFO8p",
        "VGG_VOC0712_SSD_512x512_iter_120000",
        "voc",
    ),
    "coco/ssd300@ssd_keras": _ssd_keras(
        "1vmEF7FUsWfHquXyCqO17UaXOPpRbwsdj",
        "VGG_coco_SSD_300x300_iter_400000",
        "coco",
    ),
    "coco/ssd512@ssd_keras": _ssd_keras(
        "1IJWZKmjkcFMlvaz2gYukzFx4d6mH3py5",
        "VGG_coco_SSD_512x512_iter_360000",
        "coco",
    ),
    # Unpacked from checkpoints/ssd_300_vgg.ckpt.zip of the repository.
    "voc/ssd_300_vgg@ssd_tensorflow": PublishedWeights(
        url="https://github.com/balancap/SSD-Tensorflow",
        file="ssd_300_vgg.ckpt",
        project="balancap/SSD-Tensorflow",
        licence="",
        classes="voc",
        read_in="README.md",
        by_hand=True,
    ),
    # Copies of its README give .773 and .817.
    "voc/ssd_300_vgg_ft@ssd_tensorflow": _google_drive(
        "0B0qPCUZ-3YwWUXh4UHJrd1RDM3c",
        "VGG_VOC0712_SSD_300x300_ft_iter_120000.ckpt",
        "balancap/SSD-Tensorflow",
        "",
        "voc",
        ap=81.7,
        metric=VOC2007,
    ),
}
