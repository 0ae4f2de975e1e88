"""Importing this module puts courser in the place of HTTPX: `import courser.as_httpx`, `pytest -p courser.as_httpx`."""

from ._drop_in import install_as_httpx

install_as_httpx()
