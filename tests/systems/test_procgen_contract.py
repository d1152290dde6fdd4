"""The contract of native environments, kept by games of Procgen: the shared tests, for these names.

The games take too long to be among the environments that every shared test runs.
"""

from importlib.util import find_spec

import pytest
from cases import Case
from test_contract import (  # noqa: F401
    test_a_list_of_seeds_gives_each_copy_the_start_of_a_single_one,
    test_a_partial_reset_leaves_other_rows_and_the_options_alone,
    test_a_partial_reset_with_a_seed_is_the_reset_of_that_seed,
    test_adopted_buffers_are_written_in_place,
    test_default_max_steps_is_what_the_rules_say,
    test_disabled_refuses_a_step_of_an_ended_copy_until_it_is_reset,
    test_drawing_changes_nothing,
    test_episodes_terminate_where_the_rules_say_so,
    test_frames_show_the_copies_and_change,
    test_info_is_empty_while_no_episode_ends,
    test_max_steps_truncates_exactly_there,
    test_next_step_resets_one_step_later_and_ignores_that_action,
    test_observations_lie_in_the_space_and_rewards_are_finite,
    test_reset_without_a_seed_continues_the_streams,
    test_same_step_shows_the_first_observation_and_keeps_the_final_one,
    test_the_class_declares_what_its_docstring_says,
    test_the_same_seed_gives_the_same_trace_and_another_one_another,
)
from test_determinism import (  # noqa: F401
    test_a_corrupted_snapshot_is_refused_and_changes_nothing,
    test_a_snapshot_is_independent_memory,
    test_a_snapshot_of_constant_bytes_is_refused,
    test_a_snapshot_of_some_copies_leaves_the_others_alone,
    test_none_among_the_seeds_draws_fresh_entropy_for_that_copy,
    test_the_first_reset_uses_the_seed_of_make_or_entropy,
)
from test_options import (  # noqa: F401
    test_every_call_returns_arrays_that_nobody_holds,
    test_the_caller_keeps_the_actions_array,
    test_without_a_render_mode_nothing_is_drawn,
    test_without_copy_every_call_returns_the_live_arrays,
)
from test_reproducible import (  # noqa: F401
    test_a_batch_of_n_is_n_batches_of_one,
    test_a_snapshot_includes_the_random_stream,
    test_a_snapshot_moves_between_copies_and_objects,
    test_a_snapshot_replays_bit_for_bit,
    test_every_row_of_a_rollout_is_what_that_step_saw_and_returned,
    test_restoring_an_ended_episode_shows_its_end,
    test_restoring_what_is_there_shows_what_was_shown,
    test_results_do_not_depend_on_the_batch_size,
    test_results_do_not_depend_on_threads,
    test_stats_agree_with_a_tally_of_the_steps,
)
from test_rollout import (  # noqa: F401
    test_a_partial_reset_shows_in_the_next_observation_and_keeps_what_the_last_step_returned,
    test_a_snapshot_restored_within_a_rollout_is_the_next_observation,
    test_threads_and_sends_write_into_the_rollout_too,
)

pytestmark = pytest.mark.skipif(
    find_spec("procgen") is None, reason="the package procgen is not installed: python -m puffer.install procgen"
)

# A game with many deaths; one whose time limit the library sets again and again; a series of levels in one episode.
CASES = [
    Case("procgen-fruitbot", {}),
    Case("procgen-jumper", {"distribution_mode": "memory"}, "memory"),
    Case("procgen-leaper", {"distribution_mode": "easy", "use_sequential_levels": True}, "series"),
]


@pytest.fixture
def name():
    return CASES[0].name


@pytest.fixture
def kind(name):
    return name


@pytest.fixture
def cases():
    return CASES
