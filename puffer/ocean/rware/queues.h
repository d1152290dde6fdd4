/* Which robots move when some block others, as rware 2.0 computes it with networkx 3.
 *
 * There, the cells are the nodes of a graph and the plans, of which a robot has one, its edges. In each connected part
 * a cycle of one robot (it stays) or of more than two robots moves, and nothing else does; two robots that would swap
 * cells do not move, and block all others. A part without a cycle is a tree that leads to a free cell, and the longest
 * queue to it moves. Of equally long queues, the one moves whose next cell networkx lists first: in the order in which
 * the graph got its cells or, for parts of less than half the graph, in the order of a Python set of (x, y) tuples. */
#ifndef PUFFER_RWARE_QUEUES_H
#define PUFFER_RWARE_QUEUES_H

enum { FREE_CELL = -1, STUCK = -1, MOST_NODES = 2 * MOST_ROBOTS, SLOTS = 128, PROBES = 9 };

/* The graph: its cells, in the order in which the plans name them, and the nodes that each robot's plan connects. */
typedef struct {
    int robots, nodes, stride, margin;
    int32_t cells[MOST_NODES];
    int16_t from[MOST_ROBOTS], to[MOST_ROBOTS];
} rware_graph;

static int rware_node(rware_graph *graph, int32_t cell) {
    int node = 0;
    while (node < graph->nodes && graph->cells[node] != cell) node++;
    if (node == graph->nodes) graph->cells[graph->nodes++] = cell;
    return node;
}

/* hash((x, y)) of CPython 3.8 and later, with 64 bits. */
static uint64_t rware_hash(const rware_graph *graph, int node) {
    int32_t cell = graph->cells[node];
    uint64_t lanes[2] = {(uint64_t)(cell % graph->stride - graph->margin),
                         (uint64_t)(cell / graph->stride - graph->margin)};
    uint64_t sum = UINT64_C(2870177450012600261);
    for (int k = 0; k < 2; k++) {
        sum += lanes[k] * UINT64_C(14029467366897019727);
        sum = (sum << 31 | sum >> 33) * UINT64_C(11400714785074694791);
    }
    return sum + (2 ^ (UINT64_C(2870177450012600261) ^ UINT64_C(3527539)));
}

/* A set as in CPython, of nodes + 1. It holds at most the cells of all robots and one free cell. */
typedef struct { int mask, used; int16_t slots[SLOTS]; } rware_set;

static void rware_set_place(const rware_graph *graph, rware_set *set, int node) {
    uint64_t hash = rware_hash(graph, node), perturb = hash, mask = (uint64_t)set->mask, slot = hash & mask;
    for (;;) {
        for (uint64_t k = slot; k <= (slot + PROBES <= mask ? slot + PROBES : slot); k++)
            if (set->slots[k] == 0) {
                set->slots[k] = (int16_t)(node + 1);
                return;
            }
        perturb >>= 5;
        slot = (slot * 5 + 1 + perturb) & mask;
    }
}

static void rware_set_add(const rware_graph *graph, rware_set *set, int node) {
    rware_set_place(graph, set, node);
    if (++set->used * 5 < set->mask * 3) return;
    rware_set old = *set;
    memset(set->slots, 0, sizeof set->slots);
    while (set->mask < 4 * set->used) set->mask = 2 * set->mask + 1;
    for (int k = 0; k <= old.mask; k++)
        if (old.slots[k]) rware_set_place(graph, set, old.slots[k] - 1);
}

/* Searches a part of the graph as networkx does, and adds its nodes to a set. Returns the number of nodes. */
static int rware_search(const rware_graph *graph, int source, uint8_t *inside, rware_set *set) {
    int16_t found[MOST_NODES] = {(int16_t)source};
    int size = 1;
    inside[source] = 1;
    rware_set_add(graph, set, source);
    for (int k = 0; k < size; k++)
        for (int backwards = 0; backwards < 2; backwards++) {
            const int16_t *here = backwards ? graph->to : graph->from, *there = backwards ? graph->from : graph->to;
            for (int i = 0; i < graph->robots; i++) {
                if (here[i] != found[k] || inside[there[i]]) continue;
                found[size++] = there[i];
                inside[there[i]] = 1;
                rware_set_add(graph, set, there[i]);
            }
        }
    return size;
}

/* Lists the part to which a node belongs, in the order of networkx. Returns the number of nodes. */
static int rware_list_part(const rware_graph *graph, int node, int16_t *list) {
    uint8_t inside[MOST_NODES] = {0}, again[MOST_NODES] = {0};
    rware_set set = {7, 0, {0}}, copy = {7, 0, {0}};
    int count = 0, source = 0, size = rware_search(graph, node, inside, &set);
    if (2 * size >= graph->nodes) {
        for (int k = 0; k < graph->nodes; k++)
            if (inside[k]) list[count++] = (int16_t)k;
        return count;
    }
    /* The order of a set depends on that of the additions: networkx begins at the first node, and copies the set. */
    while (!inside[source]) source++;
    set = copy;
    rware_search(graph, source, again, &set);
    for (int k = 0; k <= set.mask; k++)
        if (set.slots[k]) rware_set_add(graph, &copy, set.slots[k] - 1);
    for (int k = 0; k <= copy.mask; k++)
        if (copy.slots[k]) list[count++] = (int16_t)(copy.slots[k] - 1);
    return count;
}

/* Finds, among the robots that would go to a node, the first one of the longest queue. `lengths` has for each robot the
 * number of robots in the queue behind it, itself included. */
static int rware_next_in_queue(const rware_graph *graph, int node, const int *lengths) {
    int16_t list[MOST_NODES];
    int longest = 0, ties = 0, best = STUCK;
    for (int i = 0; i < graph->robots; i++)
        if (graph->to[i] == node && lengths[i] >= longest) {
            ties = lengths[i] > longest ? 1 : ties + 1;
            longest = lengths[i];
            best = i;
        }
    if (ties < 2) return best;
    int size = rware_list_part(graph, node, list);
    for (int k = 0; k < size; k++)
        for (int i = 0; i < graph->robots; i++)
            if (graph->from[i] == list[k] && graph->to[i] == node && lengths[i] == longest) return i;
    return STUCK;
}

/* Makes its own cell the target of each robot that cannot move. */
static __attribute__((noinline)) void rware_queue(int n, const rware_robot *robots, int32_t *targets, int stride,
                                                  int margin) {
    rware_graph graph = {n, 0, stride, margin, {0}, {0}, {0}};
    int following[MOST_NODES], lengths[MOST_ROBOTS] = {0};
    uint8_t moves[MOST_ROBOTS] = {0};
    for (int i = 0; i < n; i++) {
        graph.from[i] = (int16_t)rware_node(&graph, robots[i].cell);
        graph.to[i] = (int16_t)rware_node(&graph, targets[i]);
    }
    for (int k = 0; k < graph.nodes; k++) following[k] = FREE_CELL;
    for (int i = 0; i < n; i++) following[graph.from[i]] = i;
    for (int i = 0; i < n; i++) {
        int last = i, steps = 1;
        while (steps <= n && following[graph.to[last]] != FREE_CELL && following[graph.to[last]] != i) {
            last = following[graph.to[last]];
            steps++;
        }
        if (steps > n) continue;
        if (following[graph.to[last]] == i) moves[i] = steps > 2;
        else
            for (int k = i, length = 1;; k = following[graph.to[k]], length++) {
                lengths[k] = lengths[k] > length ? lengths[k] : length;
                if (k == last) break;
            }
    }
    for (int node = 0; node < graph.nodes; node++)
        if (following[node] == FREE_CELL)
            for (int i = rware_next_in_queue(&graph, node, lengths); i != STUCK;
                 i = rware_next_in_queue(&graph, graph.from[i], lengths))
                moves[i] = 1;
    for (int i = 0; i < n; i++)
        if (!moves[i]) targets[i] = robots[i].cell;
}

#endif
