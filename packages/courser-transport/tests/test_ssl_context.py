"""Contexts: whom they trust, and who shares them."""

from __future__ import annotations

import os
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

import certifi
import pytest
import trustme

from authorities import Authority, TLSPeer
from courser_transport import (
    AsyncHTTPTransport,
    CertificateError,
    ConnectError,
    ConnectTimeout,
    Deadline,
    HTTPTransport,
    create_ssl_context,
    run_sync,
)
from courser_transport._tls import TLSSettings, _context, start_tls
from courser_transport._tls._context import shared_ssl_context
from courser_transport.testing import ScriptedStream
from worlds import PATIENCE, World, in_event_loops, in_every_world


def test_contexts_are_strict_by_default() -> None:
    context = create_ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_authorities_come_from_the_environment_if_it_is_trusted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = len(create_ssl_context().get_ca_certs())
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    assert len(create_ssl_context().get_ca_certs()) == 1
    assert len(create_ssl_context(trust_env=False).get_ca_certs()) == everybody > 1


def test_a_folder_of_authorities_will_do(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert create_ssl_context(verify=str(tmp_path)).verify_mode is ssl.CERT_REQUIRED
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert create_ssl_context().get_ca_certs() == []


def test_secrets_are_logged_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "keys")
    monkeypatch.setenv("SSLKEYLOGFILE", file)
    assert create_ssl_context().keylog_filename == file
    assert create_ssl_context(verify=False).keylog_filename == file
    assert create_ssl_context(trust_env=False).keylog_filename is None


def test_files_that_are_not_there_are_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"verify='/nowhere/ca\.pem'"):
        create_ssl_context(verify="/nowhere/ca.pem")


@pytest.mark.parametrize("form", ["text", "bytes", "DER", "with a comment", "path object"])
def test_authorities_may_be_in_memory(authority: Authority, form: str) -> None:
    text = authority.pem.decode("ascii")
    given: Any = {
        "text": text,
        "bytes": authority.pem,
        "DER": ssl.PEM_cert_to_DER_cert(text),
        "with a comment": f"Zürcher Zertifizierungsstelle\n{text}".encode(),
        "path object": Path(authority.file),
    }[form]

    for context in (create_ssl_context(given), create_ssl_context(given, cert=authority.certificate_file)):
        assert context.get_ca_certs() == authority.client().get_ca_certs()


@pytest.mark.parametrize("given", [b"", b"junk", "-----BEGIN CERTIFICATE-----\nanything"])
def test_what_holds_no_authority_is_refused(given: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLError, match=r"^verify= in memory: there is no certificate in it \(PEM or DER\)$"):
        create_ssl_context(given)
    file = tmp_path / "file"
    file.write_bytes(given if isinstance(given, bytes) else given.encode())
    with pytest.raises(ssl.SSLError, match=r"^verify='.*/file': there is no certificate in it \(PEM\)$"):
        create_ssl_context(file)


@pytest.mark.parametrize("given", [None, 1, 1.0, object()])
def test_what_is_no_answer_to_whom_to_trust_is_a_type_error(given: Any) -> None:
    with pytest.raises(
        TypeError, match="verify= is True, False, 'system', a path, certificates or an SSLContext, not "
    ):
        create_ssl_context(given)


def test_the_environment_may_name_several_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", f"/nowhere{os.pathsep}{tmp_path}")
    assert create_ssl_context().get_ca_certs() == []
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    with pytest.raises(FileNotFoundError, match=r"^SSL_CERT_DIR='/nowhere': there is no such file or directory"):
        create_ssl_context()


def test_the_environment_s_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(FileNotFoundError, match=r"^SSL_CERT_FILE='/nowhere/ca\.pem': there is no such file"):
        create_ssl_context()
    assert create_ssl_context(trust_env=False).get_ca_certs()


def test_a_log_of_secrets_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/nowhere/keys")
    with pytest.raises(FileNotFoundError, match=r"^SSLKEYLOGFILE='/nowhere/keys' cannot be written: no such file"):
        create_ssl_context(verify=False)
    create_ssl_context(verify=False, trust_env=False)


def test_flags_are_those_of_the_standard_library() -> None:
    assert create_ssl_context().verify_flags == ssl.create_default_context().verify_flags
    assert create_ssl_context().options & ssl.OP_NO_COMPRESSION
    assert not create_ssl_context().hostname_checks_common_name


def test_the_system_s_authorities_are_an_option(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.setenv("SSL_CERT_DIR", str(authority.folder))
    monkeypatch.setattr("sys.platform", "linux")
    assert len(create_ssl_context("system").get_ca_certs()) == 1
    known = ssl.get_default_verify_paths()
    expected = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in {known.openssl_cafile, known.openssl_capath}:
        if Path(path).is_file():
            expected.load_verify_locations(cafile=path)
    assert len(create_ssl_context("system", trust_env=False).get_ca_certs()) == len(expected.get_ca_certs())


def test_where_openssl_knows_no_place_the_usual_ones_are_looked_at(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = ssl.get_default_verify_paths()._replace(
        cafile=None, capath=None, openssl_cafile="/no", openssl_capath="/no"
    )
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr("courser_transport._tls._context._PLACES", ["/nowhere", authority.file])
    monkeypatch.setattr("sys.platform", "linux")
    assert len(create_ssl_context("system").get_ca_certs()) == 1


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_on_windows_and_macos_the_system_is_asked_by_truststore(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.setattr("sys.platform", platform)
    context = create_ssl_context("system")
    assert type(context).__module__.startswith("truststore")
    assert (context.minimum_version, context.verify_mode) == (ssl.TLSVersion.TLSv1_2, ssl.CERT_REQUIRED)
    settings = TLSSettings("system")
    run_sync(start_tls(TLSPeer(authority.server), settings, "example.org", "example.org:443", Deadline(None)))
    assert settings.sessions is None, "truststore looks at a certificate that a resumed session does not have"
    with pytest.raises(CertificateError, match="Hostname mismatch"):
        run_sync(start_tls(TLSPeer(authority.server), settings, "evil.org", "evil.org:443", Deadline(None)))


def test_what_asking_the_system_needs_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setitem(sys.modules, "truststore", None)
    for make in (create_ssl_context, TLSSettings, HTTPTransport, AsyncHTTPTransport):
        with pytest.raises(ImportError, match=r"needs the extra system: pip install 'courser-transport\[sys"):
            make("system")  # type: ignore[operator]


def test_a_file_by_the_name_of_system_is_still_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        create_ssl_context("./system")


def test_equal_settings_share_a_context_and_others_do_not(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shared = shared_ssl_context(True, None, True)
    assert shared_ssl_context(True, None, True) is shared
    assert shared_ssl_context(False, None, True) is not shared
    assert shared_ssl_context(True, authority.certificate_file, True) is not shared
    assert shared_ssl_context(authority.file, None, True) is shared_ssl_context(Path(authority.file), None, True)
    assert shared_ssl_context(authority.pem, None, True) is shared_ssl_context(bytes(authority.pem), None, True)
    assert shared_ssl_context(authority.pem, None, True) is not shared_ssl_context(authority.file, None, True)
    assert shared_ssl_context("system", None, True) is shared_ssl_context("system", None, True) is not shared
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    assert shared_ssl_context(True, None, True) is not shared


def test_a_file_that_changed_is_read_again(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(Path(authority.file).read_bytes())
    before = shared_ssl_context(str(file), None, True)
    trustme.CA().cert_pem.write_to_path(str(file), append=True)
    import os

    os.utime(file, ns=(1, 1))
    after = shared_ssl_context(str(file), None, True)
    assert (len(before.get_ca_certs()), len(after.get_ca_certs())) == (1, 2)


def test_a_context_that_is_given_is_used_as_it_is(authority: Authority) -> None:
    context = authority.client()
    assert create_ssl_context(context) is context
    assert shared_ssl_context(context, None, True) is context
    with pytest.raises(ValueError, match="belongs into the SSLContext that is given"):
        shared_ssl_context(context, authority.certificate_file, True)


def test_nothing_shared_is_kept_by_its_secrets(authority: Authority) -> None:
    shared_ssl_context(False, (authority.certificate_file, None, "a secret password"), True)
    pem = Path(authority.certificate_file).read_bytes()
    shared_ssl_context(False, pem, True)
    assert "a secret password" not in repr(_context._shared)
    assert "PRIVATE KEY" not in repr(_context._shared)


def test_authorities_are_loaded_once_for_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_context, "_shared", {})
    loads: list[Any] = []

    load = ssl.SSLContext.load_verify_locations

    def count(self: ssl.SSLContext, **keywords: Any) -> None:
        loads.append(keywords)
        load(self, **keywords)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", count)
    for _ in range(10):
        run_sync(TLSSettings().ready("peer", None, Deadline(None)))
    assert loads == [{"cafile": certifi.where()}]


@in_event_loops
async def test_no_loop_stands_still_while_authorities_are_loaded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading is made to wait until the loop has run on; many ask, and all get the same."""
    monkeypatch.setattr(_context, "_shared", {})
    has_run_on = threading.Event()
    makers: list[str] = []

    def load(*arguments: Any) -> ssl.SSLContext:
        makers.append(threading.current_thread().name)
        assert has_run_on.wait(PATIENCE)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(_context, "create_ssl_context", load)
    settings = TLSSettings()
    asking = [await world.beside(lambda: settings.ready("peer", world.backend, Deadline(PATIENCE))) for _ in range(20)]
    await world.until(lambda: bool(makers))
    has_run_on.set()
    contexts = [await task.result() for task in asking]
    assert makers == ["courser loads authorities"]
    assert set(contexts) == {settings.context}


@in_every_world
async def test_authorities_that_cannot_be_loaded_are_an_error_for_all_who_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    settings = TLSSettings()
    stream = ScriptedStream([])
    begun = start_tls(stream, settings, "example.org", "example.org:443", Deadline(PATIENCE), world.backend)
    with pytest.raises(ConnectError, match=r"^TLS with example.org:443 could not begin: SSL_CERT_FILE='/nowhere"):
        await begun
    assert stream.is_closed


@in_event_loops
async def test_loading_that_takes_too_long_is_a_time_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()
    monkeypatch.setattr(_context, "_shared", {})

    def load(*arguments: Any) -> ssl.SSLContext:
        assert may_end.wait(PATIENCE)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(_context, "create_ssl_context", load)
    stream = ScriptedStream([])
    try:
        with pytest.raises(ConnectTimeout, match=r"loading the authorities to trust for peer timed out after 0\.01 s"):
            await start_tls(stream, TLSSettings(), "example.org", "peer", Deadline(0.01), world.backend)
    finally:
        may_end.set()
    assert stream.is_closed
    await world.until(lambda: bool(_context._shared))  # who comes later finds it
