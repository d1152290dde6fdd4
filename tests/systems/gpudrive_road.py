"""Roads of the stand-in for GPUDrive: the segments of lines, and which boxes touch."""

import numpy as np

KINDS = {"road_edge": 1, "road_line": 2, "lane": 3, "crosswalk": 4, "speed_bump": 5, "stop_sign": 6}
HALF_WIDTH = 0.1


def road_segments(roads, threshold, middle):
    """A row for each segment: the middle x and y, half the length, half the width, height, heading, kind, id, type."""
    rows = []
    for road in roads:
        points = np.array([(point["x"], point["y"]) for point in road["geometry"]]) - middle
        points = reduced(points, threshold) if len(points) > 10 else points
        for start, end in zip(points[:-1], points[1:], strict=True):
            along = end - start
            own = [KINDS[road["type"]], road["id"], road["map_element_id"]]
            rows.append(
                [*(start + end) / 2, np.hypot(*along) / 2, HALF_WIDTH, HALF_WIDTH, np.arctan2(*along[::-1]), *own]
            )
    return np.array(rows).reshape(-1, 9)


def reduced(points, threshold):
    """The points without those that span, with the points beside them, a triangle smaller than the threshold."""
    kept, changes = list(range(len(points))), True
    while changes:
        changes, k = False, 0
        while k + 2 < len(kept):
            one, two, three = points[kept[k : k + 3]]
            (ax, ay), (bx, by) = two - one, three - one
            if abs(ax * by - ay * bx) / 2 < threshold:
                del kept[k + 1]
                changes = True
            # Not tried again in this pass, whichever of the two is next.
            k += 1
    return points[kept]


def touch(box, others):
    """Which of these boxes (x, y, heading, half length, half width) overlap with the first one."""
    box = np.asarray(box, float)
    apart = np.zeros(len(others), bool)
    between = others[:, :2] - box[:2]
    for heading in (np.full(len(others), box[2]), others[:, 2]):
        for direction in (heading, heading + np.pi / 2):
            axis = np.stack([np.cos(direction), np.sin(direction)], axis=1)
            reach = 0
            for angle, length, width in ((box[2], box[3], box[4]), (others[:, 2], others[:, 3], others[:, 4])):
                turned = direction - angle
                reach = reach + length * np.abs(np.cos(turned)) + width * np.abs(np.sin(turned))
            apart |= np.abs((between * axis).sum(axis=1)) > reach
    return ~apart
