"""Driving: cars, cyclists and pedestrians drive to their goals, on scenes that are drawn or recorded.

Observation   Dict of float32 for each agent, in metres, m/s and radians, as in GPUDrive; empty rows are zero.
              self (8,): speed, length, width, height, the goal to the front and to the left, 1 if it touches anything,
              id.
              partners (max_partners, 9): of the others within observation_radius, in the scene's order: speed, to the
              front, to the left, heading less its own, length, width, height, kind (7 vehicle, 8 pedestrian,
              9 cyclist, 0 another), id.
              road (road_points, 9): of the segments whose middles are within observation_radius: to the front, to the
              left, half the length, half the width, height, heading less its own, kind (1 edge, 2 line, 3 lane,
              4 crosswalk, 5 speed bump, 6 stop sign, 0 another), id, number of the map's type. They are in order of
              their distance from the middle of the cell of 4 m that the agent is in, to half a metre.
Action        Discrete(91): 13 * a + s, where a of 0 to 6 accelerates by -4 to 4 m/s2, and s of 0 to 12 steers by
              -pi / 3 to pi / 3, to the left if positive. With continuous_actions, a Box of both, clipped. In
              "InvertibleBicycle" s is the curvature, -0.3 to 0.3 / m. In "DeltaLocal" a moves 0 to 2.4 m to the front,
              and s turns by -0.3 to 0.3; continuous ones are metres to the front and to the left, -6 to 6, and a turn,
              -pi to pi.
Reward        goal_weight at the goal; collision_weight in steps in which the agent touches another, off_road_weight in
              those in which it touches the edge of the road; progress_weight for each metre that it comes nearer to
              its goal.
Terminated    within goal_radius of the goal; and, unless collisions = "Ignore", when the agent touches something.
Truncated     after 91 steps, or max_steps if given.
Start         where the recording begins, in one of the scenes; its controllable objects are the agents.
Rules         In a step of 0.1 s the agents move, and all others to where the recording has them. "Classic" is a
              bicycle whose middle moves: with the speed v + a * 0.05, at an angle b to its heading with
              tan b = tan s / 2, while it turns by that speed * cos b * tan s / length. Boxes of 0.7 times the length
              and width touch each other, and those of vehicles the edges of the road. Who reached the goal is gone in
              the next step, and so is who crashed with "AgentRemoved"; with "AgentStop" it stands there.
Source        Kazemkhani et al. 2025, "GPUDrive: Data-driven, multi-agent driving simulation at 1 million FPS". Other
              than there, no agent ends 15 km away; stop signs are no obstacles; recorded objects follow their
              recording to its end, without a delay of one step; actions have bounds; and rows of the road are in
              order.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.math cimport fabsf, sqrtf

from puffer import checks
from puffer.ocean.drive._parameters import MIXED, agents_of, played_scenes
from puffer.ocean.drive._tables import Limits, Tables as SceneTables, drawn_tables

from puffer cimport Buffers, Canvas, Env, int32_t, memset, rng_below
from puffer.ocean._clip cimport clamped, clip
from puffer.ocean.drive.actions cimport CHOICES, bounds_of, table_of
from puffer.ocean.drive.addresses cimport tables_at
from puffer.ocean.drive.contact cimport touch_each_other, touch_edges
from puffer.ocean.drive.motion cimport FARTHEST, FASTEST, move, replay
from puffer.ocean.drive.picture cimport HEIGHT, WIDTH, draw
from puffer.ocean.drive.view cimport Sight, see, write_bodies
from puffer.ocean.drive.world cimport (
    ABSENT, LEAVING, MOST_OBJECTS, OBJECT, POINT, STOPPED, TOUCHES_EDGE, TOUCHES_OTHER, TOUCHES_VEHICLE, Body, Scene,
    Tables,
)

cdef enum:
    ANY = -1
    # At collisions, agents
    STOP = 0
    REMOVE
    IGNORE

DYNAMICS = ("Classic", "InvertibleBicycle", "DeltaLocal")
COLLISIONS = ("AgentStop", "AgentRemoved", "Ignore")

cdef struct Copy:
    int32_t scene
    int32_t next_scene      # of the coming episodes, ANY for a draw
    int32_t step


@cython.final
cdef class Drive(Env):
    """Drive(num_envs=1, *, scenario="mixed", agents=None, num_scenes=10, scene_seed=0, scenes=None, max_objects=64, \
dynamics="Classic", continuous_actions=False, collisions="AgentStop", goal_radius=2.0, observation_radius=50.0, \
max_partners=None, road_points=64, goal_weight=1.0, collision_weight=-0.5, off_road_weight=-0.5, progress_weight=0.0, \
**options)
--

Scenes of traffic. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
scenario : str, default "mixed"
    Of drawn scenes, in the order of their difficulty: "straight", "curve", "crossing", "roundabout", "merging"; or
    "mixed", all of them in turn.
agents : int, optional
    Agents of each copy. Drawn scenes have so many objects, by default 8, at most 64. In scenes that are given they are
    the first that can be controlled, by default as many as every scene has; the others follow the recording.
num_scenes : int, default 10
    Drawn scenes, of which each episode takes one.
scene_seed : int, default 0
    From which seed on they are drawn.
scenes : path, Scene, or sequence of them, optional
    Scenes to play instead of drawn ones: files of GPUDrive's JSON, compact files, a folder of either, or objects of
    `puffer.ocean.drive.Scene`.
max_objects : int, default 64
    Of the objects of a scene that is given, the first so many take part, 1 to 128.
dynamics : str, default "Classic"
    "Classic", "InvertibleBicycle" or "DeltaLocal".
continuous_actions : bool, default False
    Whether an action is a Box of numbers instead of a Discrete.
collisions : str, default "AgentStop"
    What agents do that touch others or the edge of the road: "AgentStop" or "AgentRemoved", which end their episodes,
    or "Ignore".
goal_radius : float, default 2.0
    In metres, 0.1 to 100. Objects that begin nearer to their goals are no agents.
observation_radius : float, default 50.0
    In metres, 5 to 1000.
max_partners : int, optional
    Rows of the others in an observation, 1 to 127; by default one less than the objects of the largest scene.
road_points : int, default 64
    Rows of the road in an observation, 1 to 2000.
goal_weight, collision_weight, off_road_weight, progress_weight : float
    Of the parts of the reward, -1000 to 1000.
**options
    The options of `puffer.Env`.

Attributes
----------
num_scenes : int
    Of the batch.
scene_names : tuple of str
dynamics, collisions : str
    As given.
continuous_actions : bool
    As given.
max_partners, road_points : int
    Rows of an observation.

Notes
-----
`env.set_next(copies, scene=...)` takes the number of a scene, or None for a draw again. `env.get_attr("scene")` is the
number of each copy's scene. `state(copy)` has `scene`, `step`, and for each object of the scene `bodies`, float32
(objects, 5): x, y, heading, speed, and whether it is there; and `rows`, the row of each within its copy, -1 for those
that follow the recording.
"""

    task_parameter = "scenario"
    default_max_steps = 91
    statistic_names = ("goal_rate", "collision_rate", "off_road_rate")
    render_size = (WIDTH, HEIGHT)
    cdef readonly int num_scenes, max_partners, road_points
    cdef readonly str dynamics, collisions
    cdef readonly bint continuous_actions
    cdef readonly tuple scene_names
    # The arrays behind the pointers.
    cdef object arrays
    cdef Tables tables
    cdef Sight sight
    cdef int behaviour, model, parts, most_objects
    cdef float goal_radius, goal_weight, collision_weight, off_road_weight, progress_weight
    cdef float[:, ::1] observations, continuous
    cdef int32_t[::1] actions
    cdef float[:, ::1] choices, bounds
    cdef Copy* copies
    cdef Body* bodies

    def __init__(self, num_envs=1, *, scenario=MIXED, agents=None, num_scenes=10, scene_seed=0, scenes=None,
                 max_objects=64, dynamics="Classic", continuous_actions=False, collisions="AgentStop", goal_radius=2.0,
                 observation_radius=50.0, max_partners=None, road_points=64, goal_weight=1.0, collision_weight=-0.5,
                 off_road_weight=-0.5, progress_weight=0.0, **options):
        cdef Py_ssize_t i
        self.require_unmade()
        most = checks.integer("max_objects", max_objects, 1, MOST_OBJECTS)
        limits = Limits(checks.number("observation_radius", observation_radius, 5, 1000),
                        checks.integer("road_points", road_points, 1, 2000),
                        checks.number("goal_radius", goal_radius, 0.1, 100))
        dynamics = checks.choice("dynamics", dynamics, DYNAMICS)
        collisions = checks.choice("collisions", collisions, COLLISIONS)
        self.model, self.behaviour = DYNAMICS.index(dynamics), COLLISIONS.index(collisions)
        self.continuous_actions = checks.boolean("continuous_actions", continuous_actions)
        weights = [checks.number(name, value, -1000, 1000) for name, value in (
            ("goal_weight", goal_weight), ("collision_weight", collision_weight),
            ("off_road_weight", off_road_weight), ("progress_weight", progress_weight))]
        played = played_scenes(scenes, most, scenario, agents, num_scenes, scene_seed)
        count = agents_of(played, agents, limits.goal_radius)
        arrays = (drawn_tables if scenes is None else SceneTables)(played, count, limits)
        partners = max(arrays.most_objects - 1, 1) if max_partners is None else max_partners
        partners = checks.integer("max_partners", partners, 1, MOST_OBJECTS - 1)
        self.bounds, self.choices = bounds_of(self.model), table_of(self.model)
        observation = spaces.Dict({"self": _box(8), "partners": _box(partners, 9), "road": _box(limits.points, 9)})
        action = spaces.Box(*np.asarray(self.bounds)) if continuous_actions else spaces.Discrete(CHOICES)
        super().__init__(num_envs, observation, action, agents_per_env=count, observes_in_step=True,
                         snapshot_key=(arrays.digest, dynamics, collisions, bool(continuous_actions), limits,
                                       partners, *weights), copies_per_block=1, **options)
        self.goal_weight, self.collision_weight, self.off_road_weight, self.progress_weight = weights
        self.dynamics, self.collisions, self.goal_radius = dynamics, collisions, limits.goal_radius
        self.scene_names, self.num_scenes = tuple([scene.name for scene in played]), len(played)
        self.max_partners, self.road_points, self.parts = partners, limits.points, self.bounds.shape[1]
        self.arrays, self.most_objects = arrays, arrays.most_objects
        self.tables = tables_at(arrays)
        offsets = {leaf.path: leaf.offset // 4 for leaf in self.layout.leaves}
        self.sight = Sight(offsets["self"], offsets["partners"], offsets["road"], partners, limits.points,
                           limits.radius * limits.radius)
        self.copies = <Copy*>self.new_state(sizeof(Copy))
        self.bodies = <Body*>self.new_state(self.most_objects * sizeof(Body))
        for i in range(self.num_copies):
            self.copies[i].next_scene = ANY

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        if self.continuous_actions:
            self.continuous = buffers.actions
        else:
            self.actions = buffers.actions
        return 0

    cdef inline const Scene* _scene(self, Py_ssize_t i) noexcept nogil:
        return &self.tables.scenes[self.copies[i].scene]

    cdef inline int _object(self, Py_ssize_t i, int agent) noexcept nogil:
        """The number of the object that an agent of a copy is."""
        return self.tables.object_of_row[self.copies[i].scene * self.agents_per_env + agent]

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef Copy* copy = &self.copies[i]
        cdef Body* bodies = self.bodies + i * self.most_objects
        cdef const Scene* scene
        cdef int k
        copy.scene = rng_below(&self.rng[i], self.num_scenes) if copy.next_scene == ANY else copy.next_scene
        copy.step = 0
        memset(bodies, 0, self.most_objects * sizeof(Body))
        scene = self._scene(i)
        for k in range(scene.objects):
            replay(&bodies[k], &self.tables, scene, k, 0)
        self._touch(i)

    cdef void _touch(self, Py_ssize_t i) noexcept nogil:
        """Mark what touches what."""
        cdef const Scene* scene = self._scene(i)
        cdef const float* objects = self.tables.objects + OBJECT * scene.first_object
        cdef Body* bodies = self.bodies + i * self.most_objects
        cdef int agent, k
        for k in range(scene.objects):
            bodies[k].touches = 0
        touch_each_other(&self.tables, scene, bodies)
        for agent in range(<int>self.agents_per_env):
            k = self._object(i, agent)
            if self.masks[i * self.agents_per_env + agent]:
                touch_edges(&self.tables, scene, &bodies[k], objects + OBJECT * k)

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef const Scene* scene = self._scene(i)
        cdef const float* objects = self.tables.objects + OBJECT * scene.first_object
        cdef const int32_t* rows = self.tables.row_of_object + scene.first_object
        cdef Body* bodies = self.bodies + i * self.most_objects
        cdef float[MOST_OBJECTS] ways
        cdef Py_ssize_t row
        cdef int k
        self.copies[i].step = min(self.copies[i].step + 1, scene.steps)
        for k in range(scene.objects):
            if bodies[k].status == LEAVING:
                bodies[k].status = ABSENT
            row = i * self.agents_per_env + rows[k]
            if rows[k] < 0:
                replay(&bodies[k], &self.tables, scene, k, self.copies[i].step)
            elif self.masks[row]:
                ways[k] = self._way(&bodies[k], objects + OBJECT * k)
                self._act(row, &bodies[k], objects[OBJECT * k])
        self._touch(i)
        for k in range(scene.objects):
            row = i * self.agents_per_env + rows[k]
            if rows[k] >= 0 and self.masks[row]:
                self._pay(row, &bodies[k], ways[k], self._way(&bodies[k], objects + OBJECT * k))

    cdef inline float _way(self, const Body* body, const float* numbers) noexcept nogil:
        """The distance of a body from its goal."""
        cdef float x = numbers[5] - body.x, y = numbers[6] - body.y
        return sqrtf(x * x + y * y)

    cdef inline void _act(self, Py_ssize_t row, Body* body, float length) noexcept nogil:
        cdef float[3] action
        cdef int part
        if self.continuous_actions:
            for part in range(self.parts):
                action[part] = clip(self.continuous[row, part], self.bounds[0, part], self.bounds[1, part])
            move(body, self.model, action, length)
        else:
            move(body, self.model, &self.choices[clamped(self.actions[row], 0, CHOICES - 1), 0], length)

    cdef inline void _pay(self, Py_ssize_t row, Body* body, float before, float way) noexcept nogil:
        cdef bint crashed = body.touches & (TOUCHES_VEHICLE | TOUCHES_OTHER) != 0
        cdef bint off_road = body.touches & TOUCHES_EDGE != 0
        cdef bint reached = way < self.goal_radius
        self.rewards[row] = (self.goal_weight * reached + self.collision_weight * crashed
                             + self.off_road_weight * off_road + self.progress_weight * (before - way))
        self.statistics[row, 0] += reached
        if crashed:
            self.statistics[row, 1] = 1
        if off_road:
            self.statistics[row, 2] = 1
        if reached or (crashed or off_road) and self.behaviour != IGNORE:
            self.terminations[row] = True
            body.status = STOPPED if self.behaviour == STOP and not reached else LEAVING
            body.speed = 0 if body.status == STOPPED else body.speed

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(first, last):
            self.step_one(i)
            self.observe(i)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        cdef const Scene* scene = self._scene(i)
        cdef const Body* bodies = self.bodies + i * self.most_objects
        cdef float[MOST_OBJECTS * POINT] table
        cdef int32_t[MOST_OBJECTS] present
        cdef int count = write_bodies(&self.tables, scene, bodies, table, present), agent
        cdef Py_ssize_t row
        for agent in range(<int>self.agents_per_env):
            row = i * self.agents_per_env + agent
            if self.masks[row]:
                see(&self.tables, scene, bodies, self._object(i, agent), table, present, count, &self.sight,
                    &self.observations[row, 0])

    # ---- Scenes of single copies, and snapshots ----

    def set_next_parameters(self, copies, parameters):
        """Set the scene of the next episodes of copies: a number, or None for a draw."""
        checks.arguments("set_next() of Drive", parameters, ("scene",))
        chosen = [ANY if scene is None else checks.integer("scene", scene, 0, self.num_scenes - 1)
                  for scene in parameters.get("scene", ())]
        for copy, scene in zip(copies, chosen):
            self.copies[<Py_ssize_t>copy].next_scene = scene

    def parameters_of(self, copy):
        """The number of the scene that a copy plays."""
        cdef Py_ssize_t i = checks.integer("copy", copy, 0, self.num_copies - 1)
        return {"scene": self.copies[i].scene}

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef Copy* copy = &self.copies[i]
        cdef Body* body
        copy.scene = clamped(copy.scene, 0, self.num_scenes - 1)
        copy.next_scene = clamped(copy.next_scene, ANY, self.num_scenes - 1)
        copy.step = clamped(copy.step, 0, self._scene(i).steps)
        for k in range(i * self.most_objects, (i + 1) * self.most_objects):
            body = &self.bodies[k]
            body.x, body.y = clip(body.x, -FARTHEST, FARTHEST), clip(body.y, -FARTHEST, FARTHEST)
            body.heading, body.speed = clip(body.heading, -4, 4), clip(body.speed, -FASTEST, FASTEST)
            body.cosine, body.sine = clip(body.cosine, -1, 1), clip(body.sine, -1, 1)
            body.status = clamped(body.status, ABSENT, STOPPED)

    cdef dict state_one(self, Py_ssize_t i):
        cdef const Scene* scene = self._scene(i)
        cdef const Body* body
        cdef int k
        bodies = np.zeros((scene.objects, 5), np.float32)
        for k in range(scene.objects):
            body = &self.bodies[i * self.most_objects + k]
            bodies[k] = body.x, body.y, body.heading, fabsf(body.speed), body.status > LEAVING
        rows = [self.tables.row_of_object[scene.first_object + k] for k in range(scene.objects)]
        return {"scene": self.copies[i].scene, "step": self.copies[i].step, "bodies": bodies, "rows": rows}

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        return draw(canvas, &self.tables, self._scene(i), self.bodies + i * self.most_objects)


def _box(*shape):
    return spaces.Box(-np.inf, np.inf, shape, np.float32)
