"""The rasteriser draws the shapes asked for, exactly where asked, and nothing outside the image."""

import inspect
import math

import numpy as np
import pytest

from puffer.native.raster import Canvas

WHITE = 0xFFFFFF


def coverage(canvas):
    """What share of each pixel is covered, on a black canvas that was drawn on in white."""
    return canvas.array()[:, :, 0] / 255.0


# What each drawing method takes, less the colour; a number here may be replaced by NaN or infinity.
SHAPES = [
    ("draw_rectangle", (1.0, 1.0, 6.0, 5.0)),
    ("draw_disc", (4.0, 4.0, 3.0)),
    ("draw_line", (1.0, 1.0, 6.0, 5.0, 2.0)),
    ("draw_polygon", ([[1.0, 1.0], [6.0, 1.0], [3.0, 6.0]],)),
    ("draw_text", (1.0, 1.0, 7.0, "A")),
    ("draw_cell", (0, 0, 4.0, 1.0)),
]


def with_number(arguments, number):
    """The arguments with each float of theirs in turn replaced by number."""
    for i, argument in enumerate(arguments):
        if isinstance(argument, list):
            yield (*arguments[:i], [[number, 1.0], *argument[1:]], *arguments[i + 1 :])
        elif isinstance(argument, float):
            yield (*arguments[:i], number, *arguments[i + 1 :])


def test_a_new_canvas_is_its_background():
    canvas = Canvas(3, 2, 0x102030)
    assert (canvas.width, canvas.height) == (3, 2)
    assert canvas.array().shape == (2, 3, 3)
    assert canvas.array().dtype == np.uint8
    assert (canvas.array() == [0x10, 0x20, 0x30]).all()
    canvas.draw_background(0x405060)
    assert (canvas.array() == [0x40, 0x50, 0x60]).all()


def test_array_is_a_copy():
    canvas = Canvas(2, 2)
    before = canvas.array()
    canvas.draw_background(WHITE)
    assert not before.any()
    canvas.array()[:] = 0
    assert canvas.array().all()


def test_signature_is_readable():
    assert str(inspect.signature(Canvas)) == "(width, height, background=0)"


def test_rectangle_with_whole_edges_is_crisp():
    canvas = Canvas(6, 5)
    canvas.draw_rectangle(1, 2, 4, 5, WHITE)
    expected = np.zeros((5, 6))
    expected[2:5, 1:4] = 1
    assert (coverage(canvas) == expected).all()


def test_rectangle_covers_pixels_by_area():
    canvas = Canvas(4, 3)
    canvas.draw_rectangle(0.5, 0.75, 3.0, 2.0, WHITE)
    expected = np.outer([0.25, 1, 0], [0.5, 1, 1, 0])
    assert np.abs(coverage(canvas) - expected).max() <= 0.5 / 255


def test_rectangle_takes_opposite_corners_in_any_order():
    a, b = Canvas(6, 6), Canvas(6, 6)
    a.draw_rectangle(1.3, 0.2, 4.4, 5.1, WHITE)
    b.draw_rectangle(4.4, 5.1, 1.3, 0.2, WHITE)
    assert (a.array() == b.array()).all()


def test_half_covered_pixel_mixes_the_colours():
    canvas = Canvas(1, 1, 0xFF0064)
    canvas.draw_rectangle(0, 0, 0.5, 1, 0x00C864)
    assert canvas.array()[0, 0].tolist() == [128, 100, 100]


@pytest.mark.parametrize("centre", [(8.0, 8.0), (8.5, 8.5)])
@pytest.mark.parametrize("radius", [0.5, 1.0, 3.7, 6.0])
def test_disc_has_the_area_and_symmetry_of_a_circle(centre, radius):
    canvas = Canvas(16, 16) if centre[0] == 8.0 else Canvas(17, 17)
    canvas.draw_disc(*centre, radius, WHITE)
    image = coverage(canvas)
    assert (image == image[::-1]).all()
    assert (image == image[:, ::-1]).all()
    assert np.abs(image - image.T).max() <= 1 / 64
    assert image.sum() == pytest.approx(math.pi * radius**2, rel=0.01, abs=0.05)


def test_line_has_round_caps():
    canvas = Canvas(30, 12)
    canvas.draw_line(8, 6, 22, 6, 8, WHITE)
    body, disc = Canvas(30, 12), Canvas(30, 12)
    body.draw_rectangle(8, 2, 22, 10, WHITE)
    disc.draw_disc(8, 6, 4, WHITE)
    assert (coverage(canvas)[:, 8:22] == coverage(body)[:, 8:22]).all()
    assert (coverage(canvas)[:, :8] == coverage(disc)[:, :8]).all()
    assert (coverage(canvas) == coverage(canvas)[:, ::-1]).all()


def test_slanted_line_has_the_area_of_its_shape():
    canvas = Canvas(40, 40)
    canvas.draw_line(8, 9, 31, 27, 5, WHITE)
    area = math.hypot(23, 18) * 5 + math.pi * 2.5**2
    assert coverage(canvas).sum() == pytest.approx(area, rel=0.005)


def test_line_of_no_length_is_a_disc():
    line, disc = Canvas(12, 12), Canvas(12, 12)
    line.draw_line(5.2, 6.1, 5.2, 6.1, 7, WHITE)
    disc.draw_disc(5.2, 6.1, 3.5, WHITE)
    assert (line.array() == disc.array()).all()


def test_polygon_of_a_box_is_the_rectangle():
    polygon, rectangle = Canvas(8, 8), Canvas(8, 8)
    polygon.draw_polygon([(1.5, 2), (6.25, 2), (6.25, 7.5), (1.5, 7.5)], WHITE)
    rectangle.draw_rectangle(1.5, 2, 6.25, 7.5, WHITE)
    assert (polygon.array() == rectangle.array()).all()


def test_triangle_covers_half_of_the_pixels_on_its_diagonal():
    canvas = Canvas(8, 8)
    canvas.draw_polygon(np.array([[0, 0], [8, 8], [0, 8]], np.float32), WHITE)
    expected = np.tril(np.ones((8, 8)), -1) + 0.5 * np.eye(8)
    assert np.abs(coverage(canvas) - expected).max() <= 1 / 16


def test_polygon_has_a_hole_where_it_winds_twice():
    canvas = Canvas(9, 9)
    outer = [(0, 0), (9, 0), (9, 9), (0, 9), (0, 0)]
    inner = [(3, 3), (6, 3), (6, 6), (3, 6), (3, 3)]
    canvas.draw_polygon(outer + inner, WHITE)
    expected = np.ones((9, 9))
    expected[3:6, 3:6] = 0
    assert (coverage(canvas) == expected).all()


def test_polygon_need_not_be_convex():
    canvas = Canvas(9, 6)
    canvas.draw_polygon([(0, 0), (3, 0), (3, 3), (6, 3), (6, 0), (9, 0), (9, 6), (0, 6)], WHITE)
    expected = np.ones((6, 9))
    expected[:3, 3:6] = 0
    assert (coverage(canvas) == expected).all()


def test_text_of_seven_pixels_shows_the_font_as_it_is():
    canvas = Canvas(12, 8)
    canvas.draw_text(0, 0, 7, "TL", WHITE)
    rows = ["".join(".#"[int(value)] for value in row) for row in coverage(canvas)]
    assert rows == [
        "#####.#.....",
        "..#...#.....",
        "..#...#.....",
        "..#...#.....",
        "..#...#.....",
        "..#...#.....",
        "..#...#####.",
        "............",
    ]


def test_scaled_text_keeps_its_area_and_has_no_seams():
    plain, scaled = Canvas(8, 8), Canvas(40, 40)
    plain.draw_text(0, 0, 7, "8", WHITE)
    scaled.draw_text(1.3, 2.6, 7 * 3.7, "8", WHITE)
    assert coverage(scaled).sum() == pytest.approx(coverage(plain).sum() * 3.7**2, rel=0.005)
    scaled.draw_background(0)
    scaled.draw_text(0.5, 0, 7 * 3.5, "|", WHITE)
    assert (coverage(scaled)[1:23, 8:11] == 1).all()


def test_every_printable_character_has_a_glyph_of_its_own():
    glyphs = set()
    for code in range(32, 127):
        canvas = Canvas(6, 8)
        canvas.draw_text(0, 0, 7, chr(code), WHITE)
        image = canvas.array()
        assert image.any() == (code != 32)
        assert not image[7].any()
        assert not image[:, 5].any()
        glyphs.add(image.tobytes())
    assert len(glyphs) == 95


def test_cell_fills_a_square_of_the_board_less_its_margin():
    canvas = Canvas(12, 8)
    canvas.draw_cell(1, 2, 4, 1, WHITE)
    expected = np.zeros((8, 12))
    expected[5:7, 9:11] = 1
    assert (coverage(canvas) == expected).all()
    canvas.draw_background(0)
    canvas.draw_cell(0, 0, 4, 3, WHITE)
    assert not canvas.array().any()


@pytest.mark.parametrize(("method", "arguments"), SHAPES)
def test_non_finite_numbers_draw_nothing(method, arguments):
    canvas = Canvas(8, 8)
    for number in (math.nan, math.inf):
        for replaced in with_number(arguments, number):
            getattr(canvas, method)(*replaced, WHITE)
        assert not canvas.array().any(), number
    getattr(canvas, method)(*arguments, WHITE)
    assert canvas.array().any()


@pytest.mark.parametrize(("method", "arguments"), SHAPES)
def test_extreme_numbers_leave_the_canvas_usable(method, arguments):
    for number in (1e308, 1e9, 1e5, 0.0, 5e-324, 0.001):
        canvas, fresh = Canvas(8, 8), Canvas(8, 8)
        for replaced in with_number(arguments, number):
            getattr(canvas, method)(*replaced, WHITE)
        canvas.draw_background(0)
        for each in (canvas, fresh):
            each.draw_polygon([(1, 1), (7, 2), (4, 6.5)], WHITE)
        assert (canvas.array() == fresh.array()).all(), number


@pytest.mark.parametrize("offset", [(-9, 0), (9, 0), (0, -9), (0, 9), (-5, -6), (6, 5)])
def test_a_shape_is_clipped_to_the_image(offset):
    def draw(canvas, dx, dy):
        canvas.draw_rectangle(dx + 0.5, dy, dx + 3, dy + 2.5, 0xFF0000)
        canvas.draw_disc(dx + 4, dy + 4, 3.5, 0x00FF00)
        canvas.draw_line(dx + 1, dy + 7, dx + 7, dy + 1, 2, 0x0000FF)
        canvas.draw_polygon([(dx + 1, dy + 1), (dx + 8, dy + 3), (dx + 2, dy + 8)], 0xFFFF00)
        canvas.draw_text(dx, dy, 8, "g", WHITE)

    small, large = Canvas(8, 8), Canvas(40, 40)
    draw(small, *offset)
    draw(large, 16 + offset[0], 16 + offset[1])
    assert (small.array() == large.array()[16:24, 16:24]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: Canvas(0, 5), "width must be between 1 and 8192, got 0"),
        (lambda _: Canvas(5, 8193), "height must be between 1 and 8192, got 8193"),
        (lambda _: Canvas(5, 5, -1), "colour must be between 0 and 0xFFFFFF, got -1"),
        (lambda c: c.draw_background(1 << 24), "colour must be .* got 16777216"),
        (lambda c: c.draw_disc(1, 1, -2, 0), "radius must not be negative, got -2.0"),
        (lambda c: c.draw_line(1, 1, 2, 2, -1, 0), "thickness must not be negative, got -1.0"),
        (lambda c: c.draw_cell(1, 1, -1, 0, 0), "size must not be negative, got -1.0"),
        (lambda c: c.draw_text(1, 1, -7, "a", 0), "size must not be negative, got -7.0"),
        (lambda c: c.draw_text(1, 1, 7, "a\0", 0), r"characters must be printable ASCII, got 'a\\x00'"),
        (lambda c: c.draw_text(1, 1, 7, "\xe9", 0), "characters must be printable ASCII"),
        (lambda c: c.draw_polygon([(1, 1), (2, 2)], 0), r"points must have shape .* got shape \(2, 2\)"),
        (lambda c: c.draw_polygon([1, 2, 3], 0), r"points must have shape .* got shape \(3,\)"),
    ],
)
def test_bad_values_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(Canvas(4, 4))


def test_wrong_types_are_refused():
    canvas = Canvas(4, 4)
    with pytest.raises(TypeError):
        canvas.draw_background(0.5)
    with pytest.raises(TypeError):
        canvas.draw_text(0, 0, 7, None, WHITE)
    with pytest.raises(TypeError):
        Canvas(4.0, 4)
    with pytest.raises(TypeError):
        Canvas.__new__(Canvas)
