"""One Hypothesis profile for all tests: the same examples everywhere, and no timing."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")
