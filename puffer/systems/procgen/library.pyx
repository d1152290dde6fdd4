"""Procgen's games as native environments: all copies, driven through the C interface of the package's library.

Every copy has a game of its own, made by `libenv_make` for one environment without threads, which draws into memory of
its own. Games share no memory that they write, so the threads of the step loop may step them at the same time.

The library begins the next episode within the step that ends one, and then shows the first picture of the next one.
That picture is kept back until `reset_one`: until then a copy shows the last picture of the episode that has ended. A
copy that is reset in the middle of an episode takes the library's action -1, which ends an episode. A copy whose random
stream was seeded after its last reset gets a new game.

The library's time limit is lifted. The step loop keeps the time limit instead, which tells episodes that the rules have
ended from those that time has ended. A copy that was given a level has a range of levels with this one alone.
"""
import numpy as np
from gymnasium import spaces

from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env
from puffer.rng cimport rng_bits, rng_t
from puffer.systems.procgen.interface cimport (
    INT32, LARGEST_STATE, UINT8, buffers_t, library_t, load_library, option_t, options_t,
)
from puffer.systems.procgen.saved_state cimport set_levels, set_time_limit

cdef enum:
    SIDE = 64
    FRAME = 3 * SIDE * SIDE
    PICTURE_SIDE = 512
    PICTURE = 3 * PICTURE_SIDE * PICTURE_SIDE
    ACTIONS = 15
    STAY = 4
    END_EPISODE = -1
    # The indices of these options.
    NUM_LEVELS = 1
    START_LEVEL = 2
    # Twice the largest state seen in long random play of all games.
    SAVED_STATE = 96 << 10
    MAX_OPTIONS = 16
    FOREVER = 0x7FFFFFFF

# What the games of this process are driven through, once it is loaded.
cdef library_t library

_MODES = {"easy": 0, "hard": 1, "exploration": 1, "extreme": 2, "memory": 10}


# The numbers that the library writes for a copy, and the action that it reads.
cdef struct game_t:
    void* handle
    float reward
    int32_t action
    int32_t level
    # The level before the last step or reset, and whether that step has completed it.
    int32_t last_level
    uint8_t is_last_complete
    uint8_t is_first
    # The level that the last step has shown.
    int32_t shown_level
    uint8_t frame[FRAME]

# The state of a copy in addition to its game.
cdef struct episode_t:
    # The random stream as it was when the game was made, and the seed drawn from it.
    rng_t stream
    int32_t rand_seed
    int32_t level_steps
    # The only level to play, now and from the next episode on, each plus one; 0 to draw levels.
    int32_t own_level
    int32_t next_level
    # Whether the game is in the next episode, which the copy has not begun; the copy then shows the last frame.
    uint8_t is_ahead
    uint8_t last_frame[FRAME]

cdef struct saved_t:
    int32_t size
    char state[SAVED_STATE]


cdef class Procgen(Env):
    """Procgen(num_envs=1, *, distribution_mode='hard', num_levels=0, start_level=0, use_sequential_levels=False,
         center_agent=True, use_backgrounds=True, use_monochrome_assets=False, restrict_themes=False,
         paint_vel_info=False, **options)
--

Base of the classes that `puffer.systems.procgen.env_class` makes, one for each game; it is not made itself. The
parameters are described in that module.

Attributes
----------
game : str
    The name of the game in the package.
time_limits : dict
    The steps of an episode, or of a level in a series, by distribution mode.
exploration_level : int or None
    The only level of the mode "exploration".
"""

    statistic_names = ("levels_completed",)
    render_size = (PICTURE_SIDE, PICTURE_SIDE)
    row_info_names = ("level_seed", "prev_level_seed", "prev_level_complete")
    game = None
    time_limits = {}
    exploration_level = None

    # The options of the games. The seed comes first, and each game has its own.
    cdef option_t options[MAX_OPTIONS]
    cdef int32_t values[MAX_OPTIONS]
    cdef int num_options
    cdef bytes name, folder
    cdef int level_limit
    # Whether the library sets its time limit again in every episode.
    cdef bint sets_limit
    cdef bint is_exploration
    cdef uint8_t[:, :, :, ::1] observations
    cdef int32_t[::1] actions
    cdef game_t* games
    cdef uint8_t* picture
    cdef episode_t* episodes
    cdef saved_t* saved

    def __init__(self, num_envs=1, *, distribution_mode="hard", num_levels=0, start_level=0,
                 use_sequential_levels=False, center_agent=True, use_backgrounds=True, use_monochrome_assets=False,
                 restrict_themes=False, paint_vel_info=False, **options):
        self.require_unmade()
        if self.game is None:
            raise TypeError('Procgen is not made by itself; make a game, such as puffer.make("procgen-coinrun")')
        mode = checks.choice("distribution_mode", distribution_mode, self.time_limits)
        levels = self._levels(mode, num_levels, start_level)
        sequential = checks.boolean("use_sequential_levels", use_sequential_levels)
        numbers = {"rand_seed": 0, **levels, "distribution_mode": _MODES[mode], "num_actions": ACTIONS,
                   "num_threads": 0}
        switches = {
            "use_sequential_levels": sequential,
            "center_agent": checks.boolean("center_agent", center_agent),
            "use_backgrounds": checks.boolean("use_backgrounds", use_backgrounds),
            "use_monochrome_assets": checks.boolean("use_monochrome_assets", use_monochrome_assets),
            "restrict_themes": checks.boolean("restrict_themes", restrict_themes),
            "paint_vel_info": checks.boolean("paint_vel_info", paint_vel_info),
            "use_generated_assets": False,
            "render_human": True,
        }
        self.folder = load_library(&library)
        self.name = self.game.encode()
        self._set_options(numbers, switches)
        self.sets_limit = self.time_limits[mode] != self.time_limits["hard"]
        self.is_exploration = mode == "exploration"
        self.level_limit = FOREVER
        if options.get("max_steps") is None:
            # In a series every level has the whole time limit.
            options["max_steps"] = FOREVER if sequential else self.time_limits[mode]
            self.level_limit = self.time_limits[mode] if sequential else FOREVER
        super().__init__(num_envs, spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8), spaces.Discrete(ACTIONS),
                         observes_in_step=True, copies_per_block=1,
                         snapshot_key=(*numbers.values(), *switches.values()), **options)
        # It is complete when new_state() has succeeded.
        self.is_complete = False
        self.games = <game_t*>calloc(self.num_copies, sizeof(game_t))
        self.picture = <uint8_t*>malloc(PICTURE)
        if self.games == NULL or self.picture == NULL:
            raise MemoryError(f"not enough memory for num_envs = {num_envs}")
        self.episodes = <episode_t*>self.new_state(sizeof(episode_t))
        self.saved = <saved_t*>self.new_state(sizeof(saved_t))

    def _levels(self, mode, num_levels, start_level):
        num_levels = checks.integer("num_levels", num_levels, 0, FOREVER)
        start_level = checks.integer("start_level", start_level, 0, FOREVER - num_levels)
        if mode != "exploration":
            return {"num_levels": num_levels, "start_level": start_level}
        for name, value in (("num_levels", num_levels), ("start_level", start_level)):
            if value:
                raise ValueError(f"{name} must be 0 with distribution_mode='exploration', which has one level of its "
                                 f"own, got {value}")
        return {"num_levels": 1, "start_level": self.exploration_level}

    cdef int _set_options(self, dict numbers, dict switches) except -1:
        self.num_options = 0
        for name, value in {**numbers, **switches}.items():
            self.values[self.num_options] = value
            # The library reads one byte of a switch: the first byte of its number.
            self._add_option(name, UINT8 if name in switches else INT32, 1, &self.values[self.num_options])
        self._add_option("env_name", UINT8, len(self.name), <char*>self.name)
        self._add_option("resource_root", UINT8, len(self.folder), <char*>self.folder)
        return 0

    cdef int _add_option(self, str name, int type, int count, const void* items) except -1:
        cdef option_t* option = &self.options[self.num_options]
        cdef bytes key = name.encode()
        memcpy(option.name, <char*>key, len(key) + 1)
        option.type, option.count, option.items = type, count, items
        self.num_options += 1
        return 0

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    def __dealloc__(self):
        self.release()
        free(self.games)
        free(self.picture)

    cdef void release(self) noexcept:
        cdef Py_ssize_t i
        for i in range(self.num_copies if self.games != NULL else 0):
            if self.games[i].handle != NULL:
                library.close(self.games[i].handle)
                self.games[i].handle = NULL

    # ---- Episodes ----

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef game_t* game = &self.games[i]
        cdef episode_t* episode = &self.episodes[i]
        cdef bint is_seeded = memcmp(&episode.stream, &self.rng[i], sizeof(rng_t)) != 0
        cdef bint is_other = episode.own_level != episode.next_level
        # The rows have flags where the step that ends an episode begins the next one.
        cdef bint is_step = self.terminations[i] or self.truncations[i]
        cdef int32_t before = game.last_level
        cdef int32_t last = before if episode.is_ahead else game.level
        cdef uint8_t is_complete = game.is_last_complete
        episode.own_level = episode.next_level
        if is_seeded:
            self._make_game(i)
        else:
            if is_other:
                self._set_levels(i)
            if is_other or not episode.is_ahead:
                game.action = END_EPISODE
                library.act(game.handle)
        if is_seeded or self.sets_limit:
            set_time_limit(&library, game.handle, FOREVER)
        if is_step:
            game.last_level, game.is_last_complete = before, is_complete
        elif not is_seeded:
            game.last_level, game.is_last_complete = last, False
        episode.is_ahead = False
        episode.level_steps = 0
        memset(episode.last_frame, 0, FRAME)

    cdef void _make_game(self, Py_ssize_t i) noexcept nogil:
        """A new game with a seed from the random stream, which begins an episode."""
        cdef game_t* game = &self.games[i]
        cdef episode_t* episode = &self.episodes[i]
        cdef option_t own_options[MAX_OPTIONS]
        cdef options_t options
        cdef buffers_t buffers
        cdef void* observation = game.frame
        cdef void* action = &game.action
        cdef void** infos = [&game.last_level, &game.is_last_complete, &game.level, self.picture]
        cdef int32_t one = 1, own_level = episode.own_level - 1
        episode.rand_seed = <int32_t>(rng_bits(&self.rng[i]) >> 1)
        episode.stream = self.rng[i]
        memcpy(own_options, self.options, sizeof(own_options))
        own_options[0].items = &episode.rand_seed
        if episode.own_level:
            own_options[<int>NUM_LEVELS].items, own_options[<int>START_LEVEL].items = &one, &own_level
        options.items, options.count = own_options, self.num_options
        buffers.observations, buffers.rewards, buffers.firsts = &observation, &game.reward, &game.is_first
        buffers.infos, buffers.actions = infos, &action
        if game.handle != NULL:
            library.close(game.handle)
        game.handle = library.make(1, options)
        library.set_buffers(game.handle, &buffers)

    cdef void _set_levels(self, Py_ssize_t i) noexcept nogil:
        """Let a game draw from the levels of its copy, from its next episode on."""
        cdef int32_t[2] levels = [self.values[<int>START_LEVEL], 0]
        levels[1] = levels[0] + self.values[<int>NUM_LEVELS]
        if self.values[<int>NUM_LEVELS] == 0:
            levels = [0, FOREVER]
        if self.episodes[i].own_level:
            levels = [self.episodes[i].own_level - 1, self.episodes[i].own_level]
        set_levels(&library, self.games[i].handle, levels)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef game_t* game = &self.games[i]
        cdef episode_t* episode = &self.episodes[i]
        cdef int32_t action = self.actions[i]
        cdef uint8_t* row = &self.observations[i, 0, 0, 0]
        cdef uint8_t before[FRAME]
        if not self.retained:
            memcpy(before, game.frame, FRAME)
        game.action = action if 0 <= action < ACTIONS else STAY
        library.act(game.handle)
        self.rewards[i] = game.reward
        self.statistics[i, 0] += game.is_last_complete
        self.terminations[i] = episode.is_ahead = game.is_first
        game.shown_level = self._level(i)
        if episode.is_ahead:
            memcpy(episode.last_frame, row if self.retained else &before[0], FRAME)
        else:
            episode.level_steps = 0 if game.is_last_complete else episode.level_steps + 1
            self.truncations[i] = episode.level_steps >= self.level_limit
        self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef episode_t* episode = &self.episodes[i]
        cdef const uint8_t* frame = &episode.last_frame[0] if episode.is_ahead else &self.games[i].frame[0]
        memcpy(&self.observations[i, 0, 0, 0], frame, FRAME)

    # ---- Levels ----

    @property
    def levels(self):
        """The level that each copy plays, or has ended: int64 (num_copies,)."""
        self.require_settled("levels")
        return np.array([self._level(i) for i in range(self.num_copies)])

    cdef inline int32_t _level(self, Py_ssize_t i) noexcept nogil:
        return self.games[i].last_level if self.episodes[i].is_ahead else self.games[i].level

    def row_infos(self, Py_ssize_t first, Py_ssize_t last):
        """The package's infos. At the end of an episode the level is that of the last observation."""
        cdef Py_ssize_t i, count = last - first
        cdef game_t* game
        levels, completed = np.empty((3, count), np.int32), np.empty(count, np.bool_)
        cdef int32_t[:, ::1] level = levels
        cdef uint8_t[::1] is_complete = completed.view(np.uint8)
        for i in range(count):
            game = &self.games[first + i]
            level[0, i] = self._level(first + i)
            level[1, i] = game.last_level
            level[2, i] = game.shown_level
            is_complete[i] = game.is_last_complete

        def make():
            shown = {"level_seed": levels[0], "prev_level_seed": levels[1], "prev_level_complete": completed}
            return shown, {**shown, "level_seed": levels[2]}

        return make

    def set_next_parameters(self, copies, parameters):
        """Set the `level` of the next episodes of copies, 0 to 2**31 - 2; None draws levels as before."""
        checks.arguments(f"set_next() of procgen-{self.game}", parameters, ("level",))
        levels = [0 if level is None else 1 + checks.integer("level", level, 0, FOREVER - 1)
                  for level in parameters.get("level", ())]
        if self.is_exploration and any(levels):
            raise ValueError(f"level must be None with distribution_mode='exploration', which has one level of its "
                             f"own, got {max(levels) - 1}")
        for copy, level in zip(copies, levels):
            self.episodes[<Py_ssize_t>checks.integer("copy", copy, 0, self.num_copies - 1)].next_level = level

    def parameters_of(self, copy):
        """The level that a copy plays, or has ended; None before the first reset."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"level": None if self.games[i].handle == NULL else self._level(i)}

    @property
    def rand_seeds(self):
        """The `rand_seed` with which the package, made for one environment, plays the levels of each copy.

        int64 (num_copies,); of the last reset that was given a seed.
        """
        self.require_settled("rand_seeds")
        return np.array([self.episodes[i].rand_seed for i in range(self.num_copies)])

    # ---- Snapshots ----

    cdef int save_one(self, Py_ssize_t i) except -1:
        return self._save_game(i, np.empty(LARGEST_STATE, np.uint8))

    cdef int _save_game(self, Py_ssize_t i, uint8_t[::1] room) except -1:
        cdef saved_t* saved = &self.saved[i]
        cdef int size = library.get_state(self.games[i].handle, 0, <char*>&room[0], LARGEST_STATE)
        if size > SAVED_STATE:
            raise RuntimeError(f"the state of copy {i} has {size} bytes, and a snapshot has room for {SAVED_STATE}")
        memcpy(saved.state, &room[0], size)
        memset(saved.state + size, 0, SAVED_STATE - size)
        saved.size = size
        return 0

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        library.set_state(self.games[i].handle, 0, self.saved[i].state, self.saved[i].size)
        # The library would end the process for a range without levels.
        self.episodes[i].own_level = max(0, self.episodes[i].own_level)
        self.episodes[i].next_level = max(0, self.episodes[i].next_level)

    # ---- Pictures ----

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef const uint8_t* frame = self.episodes[i].last_frame
        cdef Py_ssize_t row, column, scale = PICTURE_SIDE // SIDE
        if not self.episodes[i].is_ahead:
            # Drawing changes the scale of the game's pictures, which the saved state restores.
            self._save_game(i, np.empty(LARGEST_STATE, np.uint8))
            library.draw(self.games[i].handle)
            library.set_state(self.games[i].handle, 0, self.saved[i].state, self.saved[i].size)
            memcpy(&canvas.pixels[0, 0, 0], self.picture, PICTURE)
            return 0
        for row in range(PICTURE_SIDE):
            for column in range(PICTURE_SIDE):
                memcpy(&canvas.pixels[row, column, 0], frame + 3 * (row // scale * SIDE + column // scale), 3)
        return 0
