"""Proxies: what one is (`_settings`), our answers to it (`_credentials`), the ways through it (`_tunnel`, `_socks`)."""
