/* The cells of MiniGrid, and the agent's view of them. */
#ifndef PUFFER_MINIGRID_H
#define PUFFER_MINIGRID_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The package's actions. */
enum minigrid_action { LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE, IDLE };

/* A cell is one byte: its kind in the lowest four bits, its colour in the next three, and whether it hides the cells
 * behind it. The kinds are the package's object types; DOOR is an open door, closed and locked ones have their own.
 * KEY_BOX is a box with a key in it: it is grey, and its colour is that of the key. */
enum minigrid_kind {
    UNSEEN, EMPTY, WALL, FLOOR, DOOR, KEY, BALL, BOX, GOAL, LAVA, AGENT, CLOSED_DOOR, LOCKED_DOOR, KEY_BOX
};
enum { RED, GREEN, BLUE, PURPLE, YELLOW, GREY, COLOURS };
enum { KIND = 15, COLOUR = 4, OPAQUE = 128 };
enum { OUTER_WALL = WALL | GREY << COLOUR | OPAQUE };

/* One bit for each kind. */
enum {
    WALKABLE = 1 << EMPTY | 1 << FLOOR | 1 << DOOR | 1 << GOAL | 1 << LAVA,
    PORTABLE = 1 << KEY | 1 << BALL | 1 << BOX | 1 << KEY_BOX,
    SOLID = 1 << WALL | 1 << CLOSED_DOOR | 1 << LOCKED_DOOR,
};

/* The view is a square with the agent in the middle of its nearest row. Between the columns of the grid there are
 * BORDER cells of wall, so that no view reaches from one column into the next. */
enum { VIEW = 7, BORDER = VIEW - 1, CELLS = VIEW * VIEW, IMAGE = 3 * CELLS };

/* The three bytes of the package's encoding of each cell, and a fourth of 0. */
static uint8_t minigrid_triples[256][4];
/* By the transparent cells of a row of the view, and its lit cells: the lit cells of the next row. */
static uint8_t minigrid_light[1 << VIEW][1 << VIEW];

static inline uint8_t minigrid_cell(int kind, int colour) {
    return (uint8_t)(kind | colour << COLOUR | (SOLID >> kind & 1) * OPAQUE);
}

static void minigrid_fill_tables(void) {
    for (int cell = 0; cell < 256; cell++) {
        int kind = cell & KIND, is_shut = kind == CLOSED_DOOR || kind == LOCKED_DOOR;
        minigrid_triples[cell][0] = (uint8_t)(is_shut ? DOOR : kind == KEY_BOX ? BOX : kind);
        minigrid_triples[cell][1] = (uint8_t)(kind == KEY_BOX ? GREY : cell >> COLOUR & 7);
        minigrid_triples[cell][2] = (uint8_t)(is_shut ? 1 + (kind == LOCKED_DOOR) : 0);
    }
    for (int transparent = 0; transparent < 1 << VIEW; transparent++)
        for (int lit = 0; lit < 1 << VIEW; lit++) {
            /* Light spreads along the row through transparent cells, and from all of these to their neighbours. */
            int through = lit & transparent;
            for (int k = 0; k < VIEW; k++) through |= (through << 1 | through >> 1) & transparent;
            minigrid_light[transparent][lit] = (uint8_t)((through | through << 1 | through >> 1) & ((1 << VIEW) - 1));
        }
}

/* For each row of the view (a byte, the farthest first) its visible cells (a bit, the leftmost first). */
static inline uint64_t minigrid_visible(uint64_t transparent) {
    uint64_t visible = 0;
    unsigned lit = 1 << VIEW / 2;
    for (int row = VIEW - 1; row >= 0; row--) {
        unsigned next = minigrid_light[transparent >> 8 * row & 0x7F][lit];
        visible |= (uint64_t)(lit | next) << 8 * row;
        lit = next;
    }
    return visible;
}

/* Swaps, in a square of blocks of `size` by `size` bytes, those to the right of the diagonal with those below it. */
static inline void minigrid_swap(uint64_t words[8], int size, uint64_t mask) {
    for (int k = 0; k < 8; k++)
        if (!(k & size)) {
            uint64_t swap = (words[k] >> 8 * size ^ words[k + size]) & mask;
            words[k + size] ^= swap;
            words[k] ^= swap << 8 * size;
        }
}

/* The byte k of the word j becomes the byte j of the word k. */
static inline void minigrid_transpose(uint64_t words[8]) {
    minigrid_swap(words, 4, UINT64_C(0x00000000FFFFFFFF));
    minigrid_swap(words, 2, UINT64_C(0x0000FFFF0000FFFF));
    minigrid_swap(words, 1, UINT64_C(0x00FF00FF00FF00FF));
}

/* Writes the view of the agent: a word for each column from the left, in which the byte of the farthest cell is the
 * lowest; hidden cells are UNSEEN. The highest bytes and the last word have no meaning.
 *
 * `grid` is the cell (0, 0) of `size` cells, borders included; `right` and `ahead` are the offsets to the next cell. */
static inline void minigrid_view(const uint8_t *grid, ptrdiff_t size, ptrdiff_t agent, ptrdiff_t right, ptrdiff_t ahead,
                                 int sees_all, uint64_t columns[8]) {
    static const uint8_t walls[8] = {OUTER_WALL, OUTER_WALL, OUTER_WALL, OUTER_WALL,
                                     OUTER_WALL, OUTER_WALL, OUTER_WALL, OUTER_WALL};
    const uint64_t lowest = UINT64_C(0x0101010101010101);
    /* Consecutive cells in memory are a column of the view, or a row. */
    int by_column = ahead == 1 || ahead == -1, backwards = (by_column ? -ahead : right) < 0;
    ptrdiff_t line = agent + (VIEW - 1) * ahead - VIEW / 2 * right - (backwards ? 7 : 0);
    uint64_t hidden = 0, visible;
    for (int k = 0; k < VIEW; k++, line += by_column ? right : -ahead) {
        const uint8_t *cells = (size_t)(line + BORDER) < (size_t)size ? grid + line : walls;
        uint64_t forth = 0, back = 0;
        for (int byte = 0; byte < 8; byte++) {
            forth |= (uint64_t)cells[byte] << 8 * byte;
            back |= (uint64_t)cells[byte] << (56 - 8 * byte);
        }
        columns[k] = backwards ? back : forth;
    }
    columns[7] = 0;
    if (!by_column) minigrid_transpose(columns);
    if (sees_all) return;
    for (int k = 0; k < VIEW; k++) hidden |= (columns[k] >> 7 & lowest) << k;
    visible = minigrid_visible(~hidden);
    for (int k = 0; k < VIEW; k++) columns[k] &= (visible >> k & lowest) * 0xFF;
}

/* Prefetches the cells of a view that is needed soon: the cells of many copies do not fit the nearer caches. Unless it
 * is inlined, gcc removes the call as one without effect. */
static inline __attribute__((always_inline)) void minigrid_prefetch(
    const uint8_t *grid, ptrdiff_t size, ptrdiff_t agent, ptrdiff_t right, ptrdiff_t ahead) {
    ptrdiff_t first = agent - VIEW / 2 * (right < 0 ? -right : right) + (ahead < 0 ? (VIEW - 1) * ahead : 0);
    ptrdiff_t last = agent + VIEW / 2 * (right < 0 ? -right : right) + (ahead < 0 ? 0 : (VIEW - 1) * ahead);
    if (first < 0) first = 0;
    if (last > size) last = size;
    for (; first < last; first += 64) __builtin_prefetch(grid + first);
    __builtin_prefetch(grid + last);
}

static inline uint8_t minigrid_seen(const uint64_t columns[8], int cell) {
    return (uint8_t)(columns[cell / VIEW] >> 8 * (cell % VIEW));
}

/* Writes the package's image of a view, with `own` in the agent's cell, and one byte more. */
static inline void minigrid_image(uint64_t columns[8], uint8_t own, uint8_t *image) {
    uint64_t *middle = &columns[VIEW / 2];
    *middle = (*middle & ~(UINT64_C(0xFF) << 8 * (VIEW - 1))) | (uint64_t)own << 8 * (VIEW - 1);
    for (int column = 0; column < VIEW; column++)
        for (int row = 0; row < VIEW; row++, image += 3)
            memcpy(image, minigrid_triples[columns[column] >> 8 * row & 0xFF], 4);
}

#endif
