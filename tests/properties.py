"""How Hypothesis tries properties: one profile for all tests, and how many examples a test gets.

No profile has a deadline by the wall clock, which fails when the machine is busy and says nothing of the code. In CI
examples follow from the test alone, so that a failure is the change's; elsewhere they are random, and a failure is kept
and tried again. ``THESPIS_FUZZ=20`` (``make fuzz``) tries twenty times as many random ones.
"""

import os

from hypothesis import HealthCheck, settings

FUZZ = "THESPIS_FUZZ"
TIMES = int(os.environ.get(FUZZ) or 1)
DEFAULT_EXAMPLES = 100
SLOW = [HealthCheck.too_slow]
FIXTURES = [*SLOW, HealthCheck.function_scoped_fixture]
"""For a property whose fixture may serve many examples: a folder, or a store that each example empties."""


def examples(count):
    """So many examples, or as many times more as fuzzing asks for."""
    return count * TIMES


def load_profile():
    """Choose the profile that the environment asks for."""
    settings.register_profile(
        "thespis", deadline=None, max_examples=examples(DEFAULT_EXAMPLES), suppress_health_check=SLOW, print_blob=True
    )
    settings.register_profile("thespis-ci", settings.get_profile("thespis"), derandomize=True)
    settings.load_profile("thespis-ci" if os.environ.get("CI") and TIMES == 1 else "thespis")
