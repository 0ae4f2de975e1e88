"""`TLSSettings`: what the handshakes of one transport need.

Its context is made when the first handshake wants one. That takes tens of milliseconds, for which an event loop would
stand still, so it happens in a thread; whoever comes meanwhile waits for the same.
"""

from __future__ import annotations

import functools
import os
import ssl
import threading
import typing

from .._deadline import Deadline
from .._exceptions import ConnectTimeout
from .._network import Backend, Waiter
from ._sessions import Sessions

if typing.TYPE_CHECKING:
    from ._certificates import CertTypes
    from ._context import VerifyTypes
    from ._pins import HostPins, Pins, PinTypes

# What requests say themselves of whom to trust; they are few, or each is a context that was made for it.
_MOST_REMEMBERED = 64

_Outcome = ssl.SSLContext | Exception

# For a few lines about who waits; a fork's child begins with another, since in the parent somebody may have held it.
_lock = threading.Lock()


def _forget_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


class TLSSettings:
    """Whom to trust and who to be, as in `create_ssl_context`, what hosts must show, and sessions to resume.

    What the arguments say is checked at once, but for settings that are derived from others in the middle of a request;
    what takes long is loaded for the first handshake. `context` and `sessions` are there from then on; without
    `sessions`, no handshake may resume any.
    """

    def __init__(
        self,
        verify: VerifyTypes = True,
        cert: CertTypes | None = None,
        trust_env: bool = True,
        http2: bool = False,
        pins: PinTypes | None = None,
        is_checked_at_once: bool = True,
    ) -> None:
        self.context: ssl.SSLContext | None = None
        self._arguments = (verify, cert, trust_env, http2)
        self._pins: Pins | None = None
        if pins:
            from ._pins import Pins

            self._pins = Pins(pins)
        self._given_pins = pins
        self.sessions: Sessions | None = None
        self._of_proxies: TLSSettings | None = None
        self._of_http1: TLSSettings | None = None
        self._others: dict[VerifyTypes, TLSSettings] = {}
        self._builder: threading.Thread | None = None
        self._waiting: list[tuple[Backend, Waiter[_Outcome]]] = []
        if not is_checked_at_once and not isinstance(verify, ssl.SSLContext):
            return  # somebody's event loop is waiting, and files are read beside it
        if isinstance(verify, bool) and cert is None:
            return  # and what makes contexts is loaded for the first
        from ._certificates import load_client_certificate
        from ._context import check_system, is_system, shared_ssl_context

        if isinstance(verify, bool) or is_system(verify):
            check_system(verify)
            if cert is not None:
                load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), cert)
        else:
            self._keep(shared_ssl_context(*self._arguments))

    def instead(self, verify: VerifyTypes) -> TLSSettings:
        """Return the same settings with somebody else to trust; the same ones for the same `verify`.

        A context says itself who we are. What is wrong with `verify` is found when it is used.
        """
        other = self._others.get(verify)
        if other is None:
            _, cert, trust_env, http2 = self._arguments
            own_cert = None if isinstance(verify, ssl.SSLContext) else cert
            other = self._remember(verify, TLSSettings(verify, own_cert, trust_env, http2, self._given_pins, False))
        return other

    def for_proxy(self) -> TLSSettings:
        """Return settings for TLS to a proxy: they trust the same, offer no HTTP/2, and say nothing of who we are."""
        if self._of_proxies is None:
            verify, _, trust_env, _ = self._arguments
            self._of_proxies = TLSSettings(verify, None, trust_env, False, self._given_pins, False)
        return self._of_proxies

    def without_http2(self) -> TLSSettings | None:
        """Return settings that offer HTTP/1.1 alone, for a server that has asked for that.

        None where that cannot be had: a context that was given has one offer for all, and cannot be copied.
        """
        verify, cert, trust_env, http2 = self._arguments
        if self._of_http1 is None and http2 and not isinstance(verify, ssl.SSLContext):
            self._of_http1 = TLSSettings(verify, cert, trust_env, False, self._given_pins, False)
        return self._of_http1

    def _remember(self, verify: VerifyTypes, other: TLSSettings) -> TLSSettings:
        if len(self._others) >= _MOST_REMEMBERED:
            self._others.clear()
        return self._others.setdefault(verify, other)

    async def ready(self, peer: str, backend: Backend | None, deadline: Deadline) -> ssl.SSLContext:
        """Return the context, made in a thread if need be; `backend` is the caller's world, where it has one.

        Raises what `create_ssl_context` raises, and `ConnectTimeout` at the deadline.
        """
        from ._context import known_ssl_context, shared_ssl_context

        context = known_ssl_context(*self._arguments)
        if context is None:
            if backend is None or backend.name == "threads":  # a thread already
                context = shared_ssl_context(*self._arguments)
            else:
                context = await self._built_beside(peer, backend, deadline)
        return self._keep(context)

    async def _built_beside(self, peer: str, backend: Backend, deadline: Deadline) -> ssl.SSLContext:
        waiter: Waiter[_Outcome] = backend.waiter()
        with _lock:
            if self._builder is None or not self._builder.is_alive():
                self._waiting = []  # a fork left the builder to the parent, and those who wait for it
                self._builder = threading.Thread(target=self._build, name="courser loads authorities", daemon=True)
                self._builder.start()
            self._waiting.append((backend, waiter))
        try:
            outcome = await waiter.wait(deadline.left())
        except BaseException:
            waiter.abandon()
            raise
        if outcome is None:
            raise ConnectTimeout(f"loading the authorities to trust for {peer} timed out {deadline.words}")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _build(self) -> None:
        from ._context import shared_ssl_context

        outcome: _Outcome
        try:
            outcome = shared_ssl_context(*self._arguments)
        except Exception as error:
            outcome = error
        with _lock:
            waiting, self._waiting = self._waiting, []
            self._builder = None
        for backend, waiter in waiting:
            backend.call_soon(functools.partial(_deliver, waiter, outcome))

    def _keep(self, context: ssl.SSLContext) -> ssl.SSLContext:
        if self.context is None:
            # A context that was given may be changed by others, and truststore checks certificates in its own way.
            if context is not self._arguments[0] and type(context).__module__ == "ssl":
                self.sessions = Sessions()
            self.context = context
        return context

    def pins_of(self, server_name: str) -> HostPins | None:
        """Return what a host must show, where that is pinned."""
        return None if self._pins is None else self._pins.of(server_name)


def _deliver(waiter: Waiter[_Outcome], outcome: _Outcome) -> None:
    waiter.deliver(outcome)
