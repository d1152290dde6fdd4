# The field of Breakout: how paddle, ball and bricks move and meet, frame by frame. Lengths are in units of the rules.
from libc.stdint cimport int32_t, uint32_t, uint64_t

from puffer.rng cimport rng_below, rng_t

cdef enum:
    BRICK_WIDTH = 512, BRICK_HEIGHT = 384, WALL_TOP = 1536, FREE_BELOW = 6144
    MAX_ROWS = 16

cdef struct Rules:
    int brick_rows, brick_columns, walls, lives
    int half_width, paddle_speed, ball_speed, max_ball_speed
    # Added to the ball's speed by a return.
    int gain
    # The largest x; the first y below the bricks; the y of the paddle.
    int right, wall_bottom, floor

cdef struct State:
    # Observed, in this order; the speed is that of the next return, before it is raised.
    int32_t paddle, half_width, x, y, vx, vy, speed, lives, score
    # Walls left, with the one that stands; how many of its bricks stand.
    int32_t walls, standing
    # A bit for each row that the observation does not show yet; in each row, a bit for each brick that stands.
    uint32_t changed
    uint32_t bricks[MAX_ROWS]


# ---- Games ----

cdef inline void start_game(const Rules* rules, State* state, rng_t* rng) noexcept nogil:
    state.paddle, state.lives, state.score, state.walls = rules.right // 2, rules.lives, 0, rules.walls
    raise_wall(rules, state)
    serve(rules, state, rng)


cdef inline bint is_over(const State* state) noexcept nogil:
    return state.lives == 0 or (state.standing == 0 and state.walls == 1)


cdef inline int bricks_left(const Rules* rules, const State* state) noexcept nogil:
    return (state.walls - 1) * rules.brick_rows * rules.brick_columns + state.standing


cdef inline void raise_wall(const Rules* rules, State* state) noexcept nogil:
    cdef int row
    state.standing = rules.brick_rows * rules.brick_columns
    for row in range(rules.brick_rows):
        state.bricks[row] = <uint32_t>((<uint64_t>1 << rules.brick_columns) - 1)
    state.changed = (<uint32_t>1 << rules.brick_rows) - 1


cdef inline void serve(const Rules* rules, State* state, rng_t* rng) noexcept nogil:
    state.half_width, state.speed = rules.half_width, rules.ball_speed
    # The paddle may have grown back beyond a side.
    push_paddle(rules, state, 0)
    state.x, state.y = rules.right // 2, rules.floor - FREE_BELOW // 2
    state.vx, state.vy = rng_below(rng, 2 * rules.ball_speed + 1) - rules.ball_speed, rules.ball_speed


# ---- Frames ----

cdef inline void push_paddle(const Rules* rules, State* state, int distance) noexcept nogil:
    state.paddle = min(max(state.paddle + distance, state.half_width), rules.right - state.half_width)


cdef inline bint flies_freely(const Rules* rules, const State* state, int frames) noexcept nogil:
    """Whether the whole path of the ball in some frames lies between the bricks, the paddle and the sides."""
    cdef int x = state.x + frames * state.vx, y = state.y + frames * state.vy
    return state.y >= rules.wall_bottom and rules.wall_bottom <= y < rules.floor and 0 <= x <= rules.right


cdef inline void move_ball(const Rules* rules, State* state, rng_t* rng) noexcept nogil:
    """One frame of the ball: along x, then along y."""
    cdef int x = state.x + state.vx, y = state.y + state.vy
    if x < 0 or x > rules.right:
        x = -x if x < 0 else 2 * rules.right - x
        state.vx = -state.vx
    if break_brick(rules, state, x, state.y):
        state.vx = -state.vx
    else:
        state.x = x
    if y >= rules.floor:
        return_or_lose_ball(rules, state, rng, y)
    elif y < 0:
        state.y, state.vy = -y, -state.vy
        state.half_width = rules.half_width // 2
    elif break_brick(rules, state, state.x, y):
        state.vy = -state.vy
    else:
        state.y = y


cdef inline bint break_brick(const Rules* rules, State* state, int x, int y) noexcept nogil:
    """Break the brick at (x, y); returns whether one stood there."""
    cdef int row = (y - WALL_TOP) // BRICK_HEIGHT
    cdef uint32_t brick = <uint32_t>1 << (x // BRICK_WIDTH)
    if y < WALL_TOP or y >= rules.wall_bottom or not state.bricks[row] & brick:
        return False
    state.bricks[row] ^= brick
    state.changed |= <uint32_t>1 << row
    state.standing -= 1
    state.score += points(rules, row)
    if row < rules.brick_rows // 2:
        state.speed = rules.max_ball_speed
    return True


cdef inline int points(const Rules* rules, int row) noexcept nogil:
    """The points of a brick: from the bottom 1, 1, 4, 4, 7, 7, ..."""
    return 1 + 3 * ((rules.brick_rows - 1 - row) // 2)


cdef inline void return_or_lose_ball(const Rules* rules, State* state, rng_t* rng, int y) noexcept nogil:
    cdef int offset = state.x - state.paddle
    if -state.half_width <= offset <= state.half_width:
        state.speed = min(state.speed + rules.gain, rules.max_ball_speed)
        state.vx, state.vy = state.speed * offset // state.half_width, -state.speed
        state.y = 2 * rules.floor - y
        if state.standing == 0:
            state.walls -= 1
            raise_wall(rules, state)
        return
    state.lives -= 1
    if state.lives:
        serve(rules, state, rng)
