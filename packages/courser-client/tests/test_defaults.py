"""What stands for «not given»."""

import pickle

from courser_client import USE_CLIENT_DEFAULT, UseClientDefault


def test_the_sentinel_is_one_and_shows_its_name() -> None:
    assert USE_CLIENT_DEFAULT is UseClientDefault.USE_CLIENT_DEFAULT
    assert repr(USE_CLIENT_DEFAULT) == "USE_CLIENT_DEFAULT"
    assert pickle.loads(pickle.dumps(USE_CLIENT_DEFAULT)) is USE_CLIENT_DEFAULT
