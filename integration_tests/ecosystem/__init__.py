"""Libraries that were written for HTTPX or httpx2, unchanged, on courser.

Run by the sessions `ecosystem-httpx` and `ecosystem-httpx2`, each with the pins of its folder: some libraries exist in
a generation that requires HTTPX and in another that requires httpx2, and both cannot be installed at once. pytest is
started with `-p courser.as_httpx`, before its plugins, some of which import HTTPX themselves.
"""
