"""HTTPX's command line: its options, and its output.

    courser https://example.org/items -m POST -j '{"name": "tea"}' -v

The head of each response is printed as it comes, redirects included, then the content, as it deserves: JSON indented,
text in colours, anything else by its size. `-v` adds the connection and the request. The exit code is 0 for success,
1 for everything else. Needs the extra `cli`.
"""

from __future__ import annotations

import json as jsonlib
import sys
import typing

import click
import pygments.lexers
import pygments.util
import rich.console
import rich.markup
import rich.progress
import rich.syntax
import rich.table

from courser_client import Client
from courser_models import InvalidURL, Request, RequestError, Response
from courser_transport import Proxy

# How each option is shown by --help, and what it does.
_HELP = {
    "-m, --method [cyan]METHOD": "Request method, such as GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD, QUERY.\n"
    "[Default: GET, or POST where there is a body]",
    "-p, --params [cyan]<NAME VALUE> ...": "Query parameters, in the place of the URL's own.",
    "-c, --content [cyan]TEXT": "The body, as it is.",
    "-d, --data [cyan]<NAME VALUE> ...": "Fields of a form, as the body.",
    "-f, --files [cyan]<NAME FILENAME> ...": "Files of a form, as the body.",
    "-j, --json [cyan]TEXT": "JSON, as the body.",
    "-h, --headers [cyan]<NAME VALUE> ...": "Fields of the request's head.",
    "--cookies [cyan]<NAME VALUE> ...": "Cookies to send along.",
    "--auth [cyan]<USER PASS>": "Username and password; '-' for the password asks for it. --verbose shows them, in an "
    "encoding that anybody can undo.",
    "--proxy [cyan]URL": "The proxy to send the request through.",
    "--timeout [cyan]FLOAT": "Seconds to wait for each step of the network. [Default: 5.0]",
    "--follow-redirects": "Follow redirects.",
    "--no-verify": "Trust any certificate.",
    "--http2": "Speak HTTP/2 with servers that do.",
    "--download [cyan]FILE": "Write the content to a file, and do not show it.",
    "-v, --verbose": "Show the connection and the request as well.",
    "--help": "Show this and exit.",
}


def _json(context: click.Context, parameter: click.Parameter, value: str | None) -> typing.Any:
    try:
        return None if value is None else jsonlib.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"not valid JSON: {error}") from None


def _credentials(
    context: click.Context, parameter: click.Parameter, value: tuple[str | None, str | None]
) -> tuple[str, str] | None:
    username, password = value
    if username is None or password is None:
        return None
    return username, click.prompt("Password", hide_input=True) if password == "-" else password


def _proxy(context: click.Context, parameter: click.Parameter, value: str | None) -> Proxy | None:
    try:
        return None if value is None else Proxy(value)
    except (ValueError, InvalidURL) as error:
        raise click.BadParameter(str(error)) from None


def _help(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    table = rich.table.Table.grid(padding=1, pad_edge=True)
    table.add_column("Parameter", no_wrap=True, justify="left", style="bold")
    table.add_column("Description")
    for option, meaning in _HELP.items():
        table.add_row(option, rich.markup.escape(meaning))
    console = rich.console.Console()
    console.print("[bold]courser", justify="center")
    console.print()
    console.print("Usage: [bold]courser[/bold] [cyan]<URL> [OPTIONS][/cyan]")
    console.print()
    console.print(table)
    context.exit()


_PAIR = (str, str)


@click.command(add_help_option=False)
@click.argument("url")
@click.option("-m", "--method")
@click.option("-p", "--params", type=_PAIR, multiple=True)
@click.option("-c", "--content")
@click.option("-d", "--data", type=_PAIR, multiple=True)
@click.option("-f", "--files", type=(str, click.File("rb")), multiple=True)
@click.option("-j", "--json", callback=_json)
@click.option("-h", "--headers", type=_PAIR, multiple=True)
@click.option("--cookies", type=_PAIR, multiple=True)
@click.option("--auth", type=_PAIR, default=(None, None), callback=_credentials)
@click.option("--proxy", callback=_proxy)
@click.option("--timeout", type=click.FloatRange(min=0), default=5.0)
@click.option("--follow-redirects", is_flag=True)
@click.option("--no-verify", is_flag=True)
@click.option("--http2", is_flag=True)
@click.option("--download", type=click.File("wb"))
@click.option("-v", "--verbose", is_flag=True)
@click.option("--help", is_flag=True, is_eager=True, expose_value=False, callback=_help)
def command(
    url: str,
    method: str | None,
    params: tuple[tuple[str, str], ...],
    content: str | None,
    data: tuple[tuple[str, str], ...],
    files: tuple[tuple[str, typing.BinaryIO], ...],
    json: typing.Any,
    headers: tuple[tuple[str, str], ...],
    cookies: tuple[tuple[str, str], ...],
    auth: tuple[str, str] | None,
    proxy: Proxy | None,
    timeout: float,
    follow_redirects: bool,
    no_verify: bool,
    http2: bool,
    download: typing.BinaryIO | None,
    verbose: bool,
) -> None:
    """Send a request and show the response."""
    show = _Screen()
    try:
        with (
            Client(
                verify=not no_verify,
                http2=http2,
                proxy=proxy,
                timeout=timeout,
                event_hooks={"response": [show.head_of_response]},
            ) as client,
            client.stream(
                method or ("POST" if content or data or files or json else "GET"),
                url,
                params=params or None,  # none given is not «none»: the URL's own are kept
                content=content,
                data=dict(data),
                files=files,
                json=json,
                headers=headers,
                cookies=dict(cookies),
                auth=auth,
                follow_redirects=follow_redirects,
                extensions={"trace": show.event} if verbose else None,
            ) as response,
        ):
            if download is not None:
                show.progress(response, download)
            elif response.read():
                show.content(response)
    except (RequestError, InvalidURL) as error:
        show.error(error)
        sys.exit(1)
    sys.exit(0 if response.is_success else 1)


class _Screen:
    """Prints what happens, when it happens."""

    def __init__(self) -> None:
        self._console = rich.console.Console()

    def event(self, name: str, info: dict[str, typing.Any]) -> None:
        """Print an event of the trace that somebody would want to see."""
        if name == "connection.connect_tcp.started":
            self._line(f"* Connecting to {info['host']!r}")
        elif name == "connection.connect_tcp.complete":
            host, port = info["return_value"].extra("peer_address")[:2]
            self._line(f"* Connected to {host!r} on port {port}")
        elif name == "connection.start_tls.complete":
            self._security(info["return_value"].extra("ssl_object"))
        elif name in ("http11.send_request_headers.started", "http2.send_request_headers.started"):
            self._head_of_request(info["request"], is_http2=name.startswith("http2"))

    def _security(self, tls: typing.Any) -> None:
        self._line(f"* SSL established using {tls.version()!r} / {tls.cipher()[0]!r}")
        self._line(f"* Selected ALPN protocol: {tls.selected_alpn_protocol()!r}")
        certificate = tls.getpeercert()
        if certificate:
            self._line("* Server certificate:")
            for line in _lines_of(certificate):
                self._line(line)

    def _head_of_request(self, request: Request, is_http2: bool) -> None:
        target = request.extensions.get("target", request.url.raw_path)
        version = "HTTP/2" if is_http2 else "HTTP/1.1"
        fields = [(name.lower() if is_http2 else name, value) for name, value in request.headers.raw]
        self._head(f"{request.method} {target.decode('ascii')} {version}", fields)

    def head_of_response(self, response: Response) -> None:
        """Print the status and the fields."""
        status = f"{response.http_version} {response.status_code} {response.reason_phrase}"
        self._head(status, response.headers.raw)

    def _head(self, first: str, fields: list[tuple[bytes, bytes]]) -> None:
        lines = [f"{name.decode('ascii')}: {value.decode('latin-1')}" for name, value in fields]
        self._code("\n".join([first, *lines]), "http")
        self._code("", "http")

    def content(self, response: Response) -> None:
        """Print the content of a response in the colours of its type; what has none is told by its size."""
        lexer = _lexer_of(response)
        if lexer is None:
            self._console.print(f"<{len(response.content)} bytes of binary data>")
            return
        text = response.text
        if lexer.lower() == "json":
            try:
                text = jsonlib.dumps(response.json(), indent=4)
            except ValueError:
                pass  # it only says that it is
        self._code(text, lexer)

    def progress(self, response: Response, file: typing.BinaryIO) -> None:
        """Write the content of a response to a file, and show how far it is."""
        length = response.headers.get("content-length")
        self._console.print()
        with rich.progress.Progress(
            "[progress.description]{task.description}",
            "[progress.percentage]{task.percentage:>3.0f}%",
            rich.progress.BarColumn(bar_width=None),
            rich.progress.DownloadColumn(),
            rich.progress.TransferSpeedColumn(),
        ) as progress:
            title = f"Downloading [bold]{rich.markup.escape(file.name)}"
            task = progress.add_task(title, total=int(length or 0), start=length is not None)
            for chunk in response.iter_bytes():
                file.write(chunk)
                progress.update(task, completed=response.num_bytes_downloaded)

    def error(self, error: Exception) -> None:
        """Print why there is no response."""
        self._console.print(f"[red]{type(error).__name__}[/red]: {rich.markup.escape(str(error))}")

    def _line(self, text: str) -> None:
        self._console.print(rich.markup.escape(text))

    def _code(self, text: str, language: str) -> None:
        self._console.print(rich.syntax.Syntax(text, language, theme="ansi_dark", word_wrap=True))


def _lexer_of(response: Response) -> str | None:
    content_type = response.headers.get("content-type")
    if content_type is None:
        return None
    try:
        return str(pygments.lexers.get_lexer_for_mimetype(content_type.partition(";")[0].strip()).name)
    except pygments.util.ClassNotFound:
        return None


def _lines_of(certificate: dict[str, typing.Any]) -> typing.Iterator[str]:
    """Yield what a certificate says, as `ssl` tells it: names are tuples of tuples of pairs."""
    for key, value in certificate.items():
        if not isinstance(value, (tuple, list)):
            yield f"*   {key}: {value!r}"
            continue
        yield f"*   {key}:"
        for item in value:
            if key in ("subject", "issuer"):
                for name, text in item:
                    yield f"*     {name}: {text!r}"
            elif isinstance(item, tuple) and len(item) == 2:
                yield f"*     {item[0]}: {item[1]!r}"
            else:
                yield f"*     {item!r}"
