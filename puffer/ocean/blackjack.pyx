"""Blackjack: draw cards to come closer to 21 than the dealer, and not beyond.

Cards come from an endless deck. Jack, queen and king count 10; an ace counts 1, or 11 where that does not lead beyond
21 (it is usable then). The dealer shows one of two cards, and in the end draws until the sum is 17 or more. A natural
is a first hand of an ace and a card that counts 10.

Observation   int32 (3,): the player's sum, 4 to 31; the dealer's card, 1 (an ace) to 10; 1 with a usable ace, else 0.
Action        Discrete(2): 0 stick, 1 hit (draw a card).
Reward        1 if the player wins, 0 for a draw, -1 if the dealer wins; 0 before the end. With sab=True a natural of
              the player's beats all but one of the dealer's. With sab=False it is a sum of 21 like any other, and if
              natural=True too, winning with it brings 1.5.
Terminated    when the player sticks, or draws beyond 21.
Truncated     never by the rules; after max_steps steps if given.
Start         two cards for the player, two for the dealer.
Source        Sutton and Barto 2018, "Reinforcement Learning: An Introduction", example 5.1; Gymnasium's Blackjack-v1.
Version       0
"""
import numpy as np
from gymnasium import spaces

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from puffer import checks

from puffer._core cimport Buffers, Canvas, Env, import_puffer
from puffer.rng cimport rng_below, rng_bits, rng_t

import_puffer()

cpdef enum Action:
    STICK
    HIT

cdef enum:
    RANKS = 13

# Of the ranks, from the ace on.
_CARDS = tuple(min(rank, 10) for rank in range(1, RANKS + 1))

cdef struct State:
    int32_t sum
    # The card that shows. The dealer's other cards are not seen before the end, and are drawn all at once then.
    int32_t dealer
    int32_t usable_ace
    int32_t natural

# Of 32 random bits: below `lose` a player who sticks loses, from `win` on they win. The rewards are for neither, for
# losing and for winning.
cdef struct odds_t:
    uint32_t lose
    uint32_t win
    float[3] rewards


@cython.final
cdef class Blackjack(Env):
    """Blackjack(num_envs=1, *, natural=False, sab=True, **options)
--

`sab` is short for the rules of Sutton and Barto. The options are those of `puffer.Env`. See the module's docstring for
the rules.
"""

    render_modes = ("rgb_array", "ansi")
    render_size = (400, 400)
    cdef readonly bint natural
    cdef readonly bint sab
    # By the dealer's card, the player's sum, and whether that is a natural.
    cdef odds_t[:, :, ::1] odds
    # The table after each triple of cards that are seen at the start; they are equally likely.
    cdef State[::1] starts
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* states

    def __init__(self, num_envs=1, *, natural=False, sab=True, **options):
        table = spaces.Box(np.array([4, 1, 0], np.int32), np.array([31, 10, 1], np.int32), dtype=np.int32)
        super().__init__(num_envs, table, spaces.Discrete(2), observes_in_step=True,
                         snapshot_key=(bool(natural), bool(sab)), **options)
        self.natural = natural
        self.sab = sab
        self.states = <State*>self.new_state(sizeof(State))
        self._make_tables()

    def _make_tables(self):
        starts = [_table((first, second), dealer) for first in _CARDS for second in _CARDS for dealer in _CARDS]
        self.starts = np.array(starts, [(name, np.int32) for name in ("sum", "dealer", "usable_ace", "natural")])
        odds = np.zeros((11, 32, 2), [("lose", np.uint32), ("win", np.uint32), ("rewards", np.float32, 3)])
        known = {}
        for dealer in range(1, 11):
            chances = sum(_final_scores(dealer + card, 1 in (dealer, card), known) for card in _CARDS) / RANKS
            natural = _CARDS.count(11 - dealer) / RANKS if dealer in (1, 10) else 0
            for total in range(4, 22):
                lose, draw = chances[total + 1:].sum(), chances[total]
                odds[dealer, total] = round(lose * 2**32), round((lose + draw) * 2**32), (0, -1, 1)
            if self.sab:
                odds[dealer, 21, 1] = 0, round(natural * 2**32), (0, -1, 1)
            elif self.natural:
                odds[dealer, 21, 1]["rewards"] = 0, -1, 1.5
        self.odds = odds

    cdef int bind(self, Buffers buffers) except -1:
        self.observations = buffers.observations
        self.actions = buffers.actions
        return 0

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        self.states[i] = self.starts[rng_below(&self.rng[i], RANKS * RANKS * RANKS)]

    cdef void reset_copies(self, const int64_t* copies, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(count):
            self.reset_one(copies[k])

    cdef void step_range(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        # Flags are bytes, and a store of bytes may change anything but locals: hence a local for all that is read.
        cdef const odds_t* odds = &self.odds[0, 0, 0]
        cdef const odds_t* stake
        cdef const int32_t* actions = &self.actions[0]
        cdef State* state
        cdef State* states = self.states
        cdef int32_t* rows = &self.observations[0, 0]
        cdef float* rewards = &self.rewards[0]
        cdef uint8_t* terminations = &self.terminations[0]
        cdef rng_t* rng = self.rng
        cdef uint32_t bits
        cdef int hit, rank, total, usable_ace, over, lost, won
        cdef Py_ssize_t i
        for i in range(first, last):
            state = &states[i]
            bits = rng_bits(&rng[i])
            stake = &odds[2 * (32 * state.dealer + state.sum) + state.natural]
            # Without a branch on the action, which could only guess: a player who sticks draws nothing and goes on.
            hit = actions[i] != STICK
            rank = <int>(<uint64_t>bits * RANKS >> 32)
            total = state.sum - 10 * state.usable_ace + hit * min(rank + 1, 10)
            usable_ace = (state.usable_ace | hit & (rank == 0)) & (total <= 11)
            total += 10 * usable_ace
            over = (total > 21) | (1 - hit)
            lost = over & (hit | (bits < stake.lose))
            won = (1 - hit) & (bits >= stake.win)
            rows[3 * i] = total
            rows[3 * i + 1] = state.dealer
            rows[3 * i + 2] = usable_ace
            rewards[i] = stake.rewards[lost + 2 * won]
            terminations[i] = over
            state.sum, state.usable_ace, state.natural = total, usable_ace, state.natural & (1 - hit)

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.states[i].sum
        self.observations[i, 1] = self.states[i].dealer
        self.observations[i, 2] = self.states[i].usable_ace

    def state(self, copy=0):
        """What lies on the table of one copy, as a dict: `sum`, `dealer`, `usable_ace`, `natural`."""
        self.require_settled("state")
        return self.states[checks.integer("copy", copy, 0, self.num_copies - 1)]

    def set_table(self, copy, cards, dealer):
        """Give the player of one copy two or more cards, not beyond 21, and the dealer the one that shows: numbers from
        1 to 10, 1 for an ace. The episode goes on from there."""
        self.require_settled("set_table")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        hand = [checks.integer(f"cards[{k}]", card, 1, 10) for k, card in enumerate(cards)]
        if len(hand) < 2 or sum(hand) > 21:
            raise ValueError(f"cards must be two or more and not beyond 21, got {cards!r}")
        total, dealer, usable_ace, natural = _table(hand, checks.integer("dealer", dealer, 1, 10))
        self.states[i] = State(total, dealer, usable_ace, natural)
        self.observe(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State state = self.states[i]
        card = b"A" if state.dealer == 1 else str(state.dealer).encode()
        total = str(state.sum).encode()
        canvas.clear(0x4F7A62)
        canvas.text(30, 30, 21, b"DEALER", 0xE9E7D8)
        canvas.rectangle(160, 30, 250, 160, 0xF7F5EC)
        canvas.text(205 - 18 * len(card), 74, 42, card, 0x3D405B)
        canvas.rectangle(265, 30, 355, 160, 0xF7F5EC)
        canvas.rectangle(273, 38, 347, 152, 0xB5616A)
        canvas.text(30, 220, 21, b"PLAYER", 0xE9E7D8)
        canvas.text(160, 220, 98, total, 0xF2CC5B if state.sum <= 21 else 0x2F4B3C)
        if state.usable_ace:
            canvas.text(160, 340, 21, b"USABLE ACE", 0xE9E7D8)
        return 0

    cdef object ansi_one(self, Py_ssize_t i):
        cdef State state = self.states[i]
        ace = " with a usable ace" if state.usable_ace else ""
        return f"dealer {'A' if state.dealer == 1 else state.dealer} ?\nplayer {state.sum}{ace}"


def _table(hand, dealer):
    """The state in which the player has the cards `hand` and the dealer shows the card `dealer`."""
    usable_ace = 1 in hand and sum(hand) <= 11
    return sum(hand) + 10 * usable_ace, dealer, usable_ace, sorted(hand) == [1, 10]


def _final_scores(total, ace, known):
    """The probabilities of the dealer's final scores, 0 (beyond 21) to 21, from a hand on: its total with every ace
    counted 1, and whether it has one. What was worked out before is `known`."""
    score = total + 10 if ace and total <= 11 else total
    if (total, ace) not in known and score >= 17:
        known[total, ace] = np.eye(22)[score if score <= 21 else 0]
    elif (total, ace) not in known:
        known[total, ace] = sum(_final_scores(total + card, ace or card == 1, known) for card in _CARDS) / RANKS
    return known[total, ace]
