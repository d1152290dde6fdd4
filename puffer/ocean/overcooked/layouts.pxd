# Layouts of kitchens: the classic ones, and any from text.
from puffer.ocean.overcooked.kitchen cimport (
    COUNTER, DISHES, FLOOR, MOST_COOKS, MOST_POTS, ONIONS, POT, SERVING, TOMATOES,
)

cdef enum:
    MOST_SIDE = 32


cdef inline dict classic_layouts():
    """The five layouts of Carroll et al. 2019, as the package spells their names."""
    return {
        "cramped_room": "XXPXX\nO  2O\nX1  X\nXDXSX",
        "asymmetric_advantages": "XXXXXXXXX\nO XSXOX S\nX   P 1 X\nX2  P   X\nXXXDXDXXX",
        "coordination_ring": "XXXPX\nX 1 P\nD2X X\nO   X\nXOSXX",
        "forced_coordination": "XXXPX\nO X1P\nO2X X\nD X X\nXXXSX",
        "counter_circuit_o_1order": "XXXPPXXX\nX  2   X\nD XXXX S\nX  1   X\nXXXOOXXX",
    }


cdef inline dict terrain_signs():
    return {" ": FLOOR, "X": COUNTER, "O": ONIONS, "T": TOMATOES, "D": DISHES, "P": POT, "S": SERVING}


cdef inline tuple read_layout(object layout):
    """The terrain, uint8 (width, height), and the cell of each cook as (column, row), of a name or a text.

    Raises TypeError or ValueError; of a text, the message has the line and the column.
    """
    import numpy as np
    known = classic_layouts()
    if not isinstance(layout, str):
        raise TypeError(f"layout must be a name or the lines of a kitchen, got {layout!r}")
    if "\n" not in layout and layout not in known:
        raise ValueError(f"layout must be one of {', '.join(map(repr, known))}, or lines such as "
                         f"'XXPXX\\nO  2O\\nX1  X\\nXDXSX', got {layout!r}")
    lines = _lines(known.get(layout, layout))
    terrain = np.zeros((len(lines[0][2]), len(lines)), np.uint8)
    signs, cooks = terrain_signs(), {}
    for y, (number, indent, text) in enumerate(lines):
        for x, sign in enumerate(text):
            where = f"layout: line {number}, column {indent + x + 1}:"
            if sign in "123456789":
                if sign in cooks:
                    raise ValueError(f"{where} there is a cook {sign} already")
                if int(sign) > MOST_COOKS:
                    raise ValueError(f"{where} there may be {MOST_COOKS} cooks at most, got {sign!r}")
                cooks[sign] = x, y
            elif sign not in signs:
                raise ValueError(f"{where} {sign!r} is none of X (counter), O (onions), T (tomatoes), D (dishes), P "
                                 f"(pot), S (serving), space (floor) and the cooks 1 to {MOST_COOKS}")
            terrain[x, y] = signs.get(sign, FLOOR)
            if terrain[x, y] == FLOOR and (x in (0, len(text) - 1) or y in (0, len(lines) - 1)):
                raise ValueError(f"{where} there is floor at the edge, which must be closed, for example by X")
    return terrain, _starts(cooks, terrain)


cdef inline list _lines(str layout):
    """The lines of a text that are not blank: number, indentation, text. Raises ValueError if they differ in length."""
    lines = []
    for number, line in enumerate(layout.split("\n"), 1):
        text = line.strip()
        if text:
            lines.append((number, len(line) - len(line.lstrip()), text))
    if not lines:
        raise ValueError("layout has no lines")
    first, width = lines[0][0], len(lines[0][2])
    for k, (number, indent, text) in enumerate(lines):
        if number != first + k:
            raise ValueError(f"layout: line {first + k}, column 1: there is a blank line in the middle")
        if len(text) != width:
            raise ValueError(f"layout: line {number}, column {indent + min(len(text), width) + 1}: the line has "
                             f"{len(text)} cells, and line {first} has {width}")
    if width > MOST_SIDE or len(lines) > MOST_SIDE:
        raise ValueError(f"layout must have {MOST_SIDE} x {MOST_SIDE} cells at most, got {width} x {len(lines)}")
    return lines


cdef inline list _starts(dict cooks, object terrain):
    """The cells of the cooks in their order. Raises ValueError if a cook is left out, or what a kitchen must have."""
    for k in range(1, max(len(cooks), 1) + 1):
        if str(k) not in cooks:
            raise ValueError(f"layout has no cook {k}; it has {', '.join(sorted(cooks)) or 'none'}")
    for kinds, sign in (((POT,), "a pot, P"), ((DISHES,), "dishes, D"), ((SERVING,), "a serving place, S"),
                        ((ONIONS, TOMATOES), "onions, O, or tomatoes, T")):
        if not sum([int((terrain == kind).sum()) for kind in kinds]):
            raise ValueError(f"layout must have {sign}")
    if (terrain == POT).sum() > MOST_POTS:
        raise ValueError(f"layout must have {MOST_POTS} pots at most, got {(terrain == POT).sum()}")
    return [cooks[sign] for sign in sorted(cooks)]
