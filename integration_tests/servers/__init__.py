"""Servers to talk to: `wire` is scripted byte by byte, `nginx`, `httpbin_server` and `tiny` are their own processes."""
