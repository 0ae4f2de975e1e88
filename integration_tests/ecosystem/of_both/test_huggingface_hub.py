"""huggingface_hub: up to version 1 on HTTPX, from version 2 on httpx2."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.utils import close_session, get_session

import courser

from ..server import WEIGHTS, Server


@pytest.fixture
def hub(server: Server, tmp_path: Path) -> Iterator[huggingface_hub.HfApi]:
    yield huggingface_hub.HfApi(endpoint=f"{server.url}/hub", token=False)
    close_session()


def test_a_model_is_described(hub: huggingface_hub.HfApi) -> None:
    assert isinstance(get_session(), courser.Client)

    assert hub.model_info("me/model").sha == "0" * 40


def test_a_file_is_downloaded(hub: huggingface_hub.HfApi, tmp_path: Path) -> None:
    path = hub.hf_hub_download("me/model", "w.bin", cache_dir=tmp_path)

    assert Path(path).read_bytes() == WEIGHTS


def test_what_is_not_there_is_its_own_error(hub: huggingface_hub.HfApi) -> None:
    with pytest.raises(huggingface_hub.errors.RepositoryNotFoundError) as caught:
        hub.model_info("me/nothing")

    assert isinstance(caught.value, courser.HTTPError)
    assert isinstance(caught.value.response, courser.Response)
