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
from functools import cache

import numpy as np
from gymnasium import spaces

cimport cython

from puffer import checks

from puffer cimport Canvas, Env, int32_t, rng_below, rng_bits, uint32_t, uint64_t
from puffer.ocean._clip cimport clamped

cpdef enum Action:
    STICK
    HIT

cdef enum:
    RANKS = 13  # from the ace to the king

cdef struct State:
    int32_t sum
    # The card that shows. The dealer's other cards are not seen before the end, and are drawn all at once then.
    int32_t dealer
    int32_t usable_ace
    int32_t natural

# How sticking ends, by 32 random bits: below `lose` the player loses, from `win` on they win the prize.
cdef struct odds_t:
    uint32_t lose
    uint32_t win
    float prize


cdef inline int card_of(int rank) noexcept nogil:
    """How much a rank counts, from 0, an ace, to 12, a king."""
    return min(rank + 1, 10)


_CARDS = tuple([card_of(rank) for rank in range(RANKS)])


@cython.final
cdef class Blackjack(Env):
    """Blackjack(num_envs=1, *, natural=False, sab=True, **options)
--

Copies of a table with a player and a dealer. See the module's docstring for the rules.

Parameters
----------
num_envs : int, default 1
    Number of copies.
natural : bool, default False
    Whether winning with a natural brings 1.5; where sab is True it does not.
sab : bool, default True
    Whether naturals count as in the book of Sutton and Barto.
**options
    The options of `puffer.Env`.

Attributes
----------
natural, sab : bool
    As given.
"""

    render_modes = ("rgb_array", "ansi")
    render_size = (400, 400)
    cdef readonly bint natural
    cdef readonly bint sab
    # By the dealer's card, the player's sum, and whether that is a natural; beyond 21 there is nothing to win.
    cdef odds_t[11][32][2] odds
    cdef int32_t[:, ::1] observations
    cdef int32_t[::1] actions
    cdef State* state

    def __init__(self, num_envs=1, *, natural=False, sab=True, **options):
        table = spaces.Box(np.array([4, 1, 0], np.int32), np.array([31, 10, 1], np.int32), dtype=np.int32)
        super().__init__(num_envs, table, spaces.Discrete(2), snapshot_key=(bool(natural), bool(sab)), **options)
        self.observations, self.actions = self.buffers.observations, self.buffers.actions
        self.natural = natural
        self.sab = sab
        self.state = <State*>self.new_state(sizeof(State))
        self._set_odds()

    def _set_odds(self):
        for dealer in range(1, 11):
            scores = _final_scores(dealer, dealer == 1)
            for total in range(4, 22):
                lose, draw = scores[total + 1:].sum(), scores[total]
                odds = odds_t(round(lose * 2**32), round((lose + draw) * 2**32), 1)
                self.odds[dealer][total][False] = self.odds[dealer][total][True] = odds
            if self.sab:
                # A natural draws with another one, and beats all the rest.
                draw = _CARDS.count(11 - dealer) / RANKS if dealer in (1, 10) else 0
                self.odds[dealer][21][True] = odds_t(0, round(draw * 2**32), 1)
            elif self.natural:
                self.odds[dealer][21][True].prize = 1.5

    @property
    def own_observation_space(self):
        return spaces.Tuple((spaces.Discrete(32), spaces.Discrete(11), spaces.Discrete(2)))

    cdef void reset_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        # One number for the three cards that are seen.
        cdef int ranks = rng_below(&self.rng[i], RANKS * RANKS * RANKS)
        cdef int first = card_of(ranks // (RANKS * RANKS)), second = card_of(ranks // RANKS % RANKS)
        state.dealer = card_of(ranks % RANKS)
        state.usable_ace = first == 1 or second == 1
        state.sum = first + second + 10 * state.usable_ace
        state.natural = state.sum == 21

    cdef void step_one(self, Py_ssize_t i) noexcept nogil:
        cdef uint32_t bits = rng_bits(&self.rng[i])
        if self.actions[i] == STICK:
            self.stick(i, bits)
        else:
            self.hit(i, card_of(<uint64_t>bits * RANKS >> 32))

    cdef void observe(self, Py_ssize_t i) noexcept nogil:
        self.observations[i, 0] = self.state[i].sum
        self.observations[i, 1] = self.state[i].dealer
        self.observations[i, 2] = self.state[i].usable_ace

    cdef void stick(self, Py_ssize_t i, uint32_t bits) noexcept nogil:
        cdef State* state = &self.state[i]
        cdef odds_t* odds = &self.odds[state.dealer][state.sum][state.natural]
        self.terminations[i] = True
        if bits < odds.lose:
            self.rewards[i] = -1
        elif bits >= odds.win:
            self.rewards[i] = odds.prize

    cdef void hit(self, Py_ssize_t i, int card) noexcept nogil:
        cdef State* state = &self.state[i]
        # With every ace counted 1.
        cdef int total = state.sum - 10 * state.usable_ace + card
        state.usable_ace = (state.usable_ace or card == 1) and total + 10 <= 21
        state.sum = total + 10 * state.usable_ace
        state.natural = False
        if state.sum > 21:
            self.rewards[i] = -1
            self.terminations[i] = True

    cdef void load_one(self, Py_ssize_t i) noexcept nogil:
        cdef State* state = &self.state[i]
        state.sum, state.dealer = clamped(state.sum, 4, 31), clamped(state.dealer, 1, 10)
        state.usable_ace, state.natural = state.usable_ace != 0, state.natural != 0

    cdef dict state_one(self, Py_ssize_t i):
        return self.state[i]

    def set_table(self, copy, cards, dealer):
        """Give the player of one copy two or more cards, not beyond 21, and the dealer the one that shows: numbers from
        1 to 10, 1 for an ace. The episode goes on from there."""
        self.require_settled("set_table")
        i = checks.integer("copy", copy, 0, self.num_copies - 1)
        hand = [checks.integer(f"cards[{k}]", card, 1, 10) for k, card in enumerate(cards)]
        dealer = checks.integer("dealer", dealer, 1, 10)
        if len(hand) < 2 or sum(hand) > 21:
            raise ValueError(f"cards must be two or more and not beyond 21, got {cards!r}")
        usable_ace = 1 in hand and sum(hand) + 10 <= 21
        self.state[i] = State(sum(hand) + 10 * usable_ace, dealer, usable_ace, sorted(hand) == [1, 10])
        self.redraw(i)

    cdef int render_one(self, Py_ssize_t i, Canvas canvas) except -1:
        cdef State state = self.state[i]
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
        cdef State state = self.state[i]
        ace = " with a usable ace" if state.usable_ace else ""
        return f"dealer {'A' if state.dealer == 1 else state.dealer} ?\nplayer {state.sum}{ace}"


@cache
def _final_scores(total, has_ace):
    """The probabilities of the dealer's final scores, 0 (beyond 21) to 21, from a hand on, given by its sum with every
    ace counted 1 and by whether it has an ace."""
    score = total + 10 if has_ace and total + 10 <= 21 else total
    if score >= 17:
        return np.eye(22)[score if score <= 21 else 0]
    return sum([_final_scores(total + card, has_ace or card == 1) for card in _CARDS]) / RANKS
