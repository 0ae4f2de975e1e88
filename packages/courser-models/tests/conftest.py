"""Settings of these tests: as many examples as a second or two allows, and no deadline on a busy machine."""

from hypothesis import settings

settings.register_profile("courser", max_examples=200, deadline=None)
settings.load_profile("courser")
