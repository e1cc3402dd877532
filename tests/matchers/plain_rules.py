"""Each strategy's rule in plain loops, to compare the matchers with.

Written from the rules alone. Numbers are float32 in the order of the
formulas, so that ties and thresholds fall alike.
"""

import numpy as np

BACKGROUND, IGNORED = -1, -2
INSIDE = 1e-5


def match(name, gt_boxes, gt_labels, anchors, **params):
    """Returns the object of each anchor [A] and its quality [A]."""
    gt_boxes = np.asarray(gt_boxes, np.float32).reshape(-1, 4)
    valid = [
        label > 0
        and bool(np.isfinite(box).all())
        and box[2] > box[0]
        and box[3] > box[1]
        for box, label in zip(gt_boxes, gt_labels)
    ]
    iou = np.zeros((len(gt_boxes), len(anchors)), np.float32)
    for m in np.flatnonzero(valid):
        iou[m] = iou_with(gt_boxes[m], anchors.boxes)
    objects = [int(m) for m in np.flatnonzero(valid)]
    index = RULES[name]((iou, gt_boxes, objects, anchors), **params)
    best = iou.max(axis=0, initial=0)
    quality = np.array(
        [iou[m, a] if m >= 0 else best[a] for a, m in enumerate(index)],
        np.float32,
    )
    return np.array(index), quality


def iou_with(box, boxes):
    height = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    width = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    inter = np.maximum(height, 0) * np.maximum(width, 0)
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return inter / (area + areas - inter)


def best_object(iou, a):
    return int(np.argmax(iou[:, a]))  # the first of several


def greedy_pairs(iou):
    """Caffe's greedy loop: (anchor, object) pairs, largest IoU first."""
    open_anchors = list(range(iou.shape[1]))
    open_objects = list(range(iou.shape[0]))
    pairs = []
    while True:
        best, pair = 1e-6, None
        for a in open_anchors:
            for m in open_objects:
                if iou[m, a] > best:
                    best, pair = iou[m, a], (a, m)
        if pair is None:
            return pairs
        pairs.append(pair)
        open_anchors.remove(pair[0])
        open_objects.remove(pair[1])


def ssd(scene, iou_threshold=0.5, forced_match="bipartite"):
    iou, gt_boxes, objects, anchors = scene
    index = [BACKGROUND] * len(anchors)
    for a in range(len(anchors)):
        if objects and iou[:, a].max() >= iou_threshold:
            m = best_object(iou, a)
            index[a] = m if iou[m, a] > 0 else BACKGROUND
    if forced_match == "bipartite":
        for a, m in greedy_pairs(iou):
            index[a] = m
    if forced_match == "last_wins":
        for m in objects:
            a = int(np.argmax(iou[m]))
            if iou[m, a] > 0:
                index[a] = m
    return index


def rpn(scene, positive_iou=0.7, negative_iou=0.3, force=True):
    iou, _, objects, _ = scene
    index = []
    for a in range(iou.shape[1]):
        best = iou[:, a].max(initial=0)
        forced = force and any(
            iou[m, a] == iou[m].max() and iou[m, a] > 0 for m in objects
        )
        if forced or (best > 0 and best >= positive_iou):
            index.append(best_object(iou, a))
        else:
            between = best > 0 and best >= negative_iou
            index.append(IGNORED if between else BACKGROUND)
    return index


def retinanet(
    scene, positive_iou=0.5, negative_iou=0.4, allow_low_quality_matches=False
):
    return rpn(scene, positive_iou, negative_iou, allow_low_quality_matches)


def settle(claims, iou, num_anchors):
    """Claims (score, anchor, object): larger score, then lower object."""
    index = [BACKGROUND] * num_anchors
    for score, a, m in sorted(claims, key=lambda c: (c[0], -c[2])):
        if score > 0:
            index[a] = m
    return [m if m < 0 or iou[m, a] > 0 else -1 for a, m in enumerate(index)]


def centers_of(boxes):
    return (boxes[..., 1] + boxes[..., 3]) / 2, (
        boxes[..., 0] + boxes[..., 2]
    ) / 2


def margin(box, cx, cy):
    return min(cx - box[1], box[3] - cx, cy - box[0], box[2] - cy)


def topk(scene, k=9, center_rule=False):
    iou, gt_boxes, objects, anchors = scene
    claims = []
    for m in objects:
        order = sorted(range(len(anchors)), key=lambda a: (-iou[m, a], a))
        for a in order[:k]:
            cx, cy = anchors.cxcywh[a, :2]
            if not center_rule or margin(gt_boxes[m], cx, cy) > INSIDE:
                claims.append((iou[m, a], a, m))
    return settle(claims, iou, len(anchors))


def grid_centers(anchors):
    """Centre of the cell of each anchor [A, 2], from the steps."""
    centers = []
    for level in anchors.levels:
        for row in range(level.feature_size):
            for column in range(level.feature_size):
                center = (column + 0.5) * level.step, (row + 0.5) * level.step
                centers += [center] * level.boxes_per_cell
    return np.array(centers, np.float32)


def atss(scene, k=9, use_variance=False):
    iou, gt_boxes, objects, anchors = scene
    centers = grid_centers(anchors)
    claims = []
    for m in objects:
        gx, gy = centers_of(gt_boxes[m])
        candidates = []
        for number, level in enumerate(anchors.levels):
            members = np.flatnonzero(anchors.level == number)
            distance = {
                a: (centers[a, 0] - gx) ** 2 + (centers[a, 1] - gy) ** 2
                for a in members
            }
            order = sorted(members, key=lambda a: (distance[a], a))
            candidates += order[: k * level.boxes_per_cell]
        values = iou[m, candidates].astype(np.float64)
        spread = values.var(ddof=1) if len(values) > 1 else 0.0
        threshold = values.mean() + (spread if use_variance else spread**0.5)
        for a in candidates:
            inside = margin(gt_boxes[m], *centers[a]) > INSIDE
            if inside and iou[m, a] >= threshold:
                claims.append((iou[m, a], int(a), m))
    return settle(claims, iou, len(anchors))


def fcos(scene, center_radius=0, centerness_weight=False):
    iou, gt_boxes, objects, anchors = scene
    del centerness_weight  # of the loss
    centers = grid_centers(anchors)
    sizes = [np.float32(level.min_size) for level in anchors.levels]
    index = []
    for a, (cx, cy) in enumerate(centers):
        k = anchors.level[a]
        low = sizes[k - 1] if k > 0 else 0
        high = sizes[k] if k + 1 < len(sizes) else np.inf
        radius = np.float32(center_radius * anchors.levels[k].step)
        smallest, found = np.inf, BACKGROUND
        for m in objects:
            ymin, xmin, ymax, xmax = box = gt_boxes[m]
            far = max(cx - xmin, xmax - cx, cy - ymin, ymax - cy)
            gx, gy = centers_of(box)
            central = abs(cx - gx) < radius and abs(cy - gy) < radius
            area = (ymax - ymin) * (xmax - xmin)
            if (
                margin(box, cx, cy) > 0
                and low <= far <= high
                and (central or not center_radius)
                and area < smallest
            ):
                smallest, found = area, m
        index.append(found)
    return [m if m < 0 or iou[m, a] > 0 else -1 for a, m in enumerate(index)]


def shape_iou(box, shape):
    width, height = box[3] - box[1], box[2] - box[0]
    inter = min(width, shape[0]) * min(height, shape[1])
    return inter / (width * height + shape[0] * shape[1] - inter)


def anchor_in(level, box, k):
    cell = [
        int(min(max(np.floor(c / np.float32(level.step)), 0), last))
        for c, last in zip(centers_of(box), [level.feature_size - 1] * 2)
    ]
    place = cell[1] * level.feature_size + cell[0]
    return level.start + place * level.boxes_per_cell + k


def ignore_others(index, iou, ignore_iou, static_ignore):
    for a, m in enumerate(index):
        best = iou[:, a].max(initial=0)
        if static_ignore and ignore_iou is not None and m < 0:
            index[a] = IGNORED if best > ignore_iou else BACKGROUND
    return index


def yolov2(scene, level=2, ignore_iou=0.6, static_ignore=True):
    iou, gt_boxes, objects, anchors = scene
    claims = []
    for number, grid in enumerate(anchors.levels):
        if level is None or level == number:
            for m in objects:
                shapes = np.float32(grid.shapes)
                scores = [shape_iou(gt_boxes[m], s) for s in shapes]
                k = int(np.argmax(scores))
                claims.append((scores[k], anchor_in(grid, gt_boxes[m], k), m))
    index = settle(claims, iou, len(anchors))
    return ignore_others(index, iou, ignore_iou, static_ignore)


def yolov3(scene, ignore_iou=0.5, static_ignore=True):
    iou, gt_boxes, objects, anchors = scene
    claims = []
    for m in objects:
        best = (0.0, 0)
        for grid in anchors.levels:
            for k, shape in enumerate(np.float32(grid.shapes)):
                score = shape_iou(gt_boxes[m], shape)
                if score > best[0]:
                    best = (score, anchor_in(grid, gt_boxes[m], k))
        claims.append((*best, m))
    index = settle(claims, iou, len(anchors))
    return ignore_others(index, iou, ignore_iou, static_ignore)


RULES = {
    rule.__name__: rule
    for rule in (ssd, rpn, retinanet, yolov2, yolov3, fcos, topk, atss)
}
