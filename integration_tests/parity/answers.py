"""What programs about clients talk to: functions for a `MockTransport`, made of either library's `Response`."""

import types
from typing import Any

# Of these the libraries' values differ by design.
_OWN = {"user-agent", "accept-encoding"}


def answers(library: types.ModuleType) -> dict[str, Any]:
    """Return the functions by the names that programs use."""
    response = library.Response

    def echo(request: Any) -> Any:
        """Tell what was asked."""
        asked = {
            "method": request.method,
            "url": str(request.url),
            "headers": sorted([name.lower(), value] for name, value in request.headers.multi_items()),
            "content": request.content.decode("latin-1"),
            "timeout": request.extensions.get("timeout"),
        }
        asked["headers"] = [field for field in asked["headers"] if field[0] not in _OWN]
        return response(200, json=asked)

    def redirect(request: Any) -> Any:
        """Answer /<status>?<location> with that redirect, and everything else with what was asked."""
        status = request.url.path.strip("/")
        if not status.isdigit():
            return echo(request)
        location = request.url.query.decode("ascii").replace("|", "#")
        return response(int(status), headers={"Location": location, "Set-Cookie": "hop=1"}, text="moved")

    def loop(request: Any) -> Any:
        """Lead to the same place again."""
        return response(302, headers={"Location": str(request.url)})

    def challenge(request: Any) -> Any:
        """Ask for Basic credentials, and tell what was asked once they are there."""
        if "authorization" in request.headers:
            return echo(request)
        return response(401, headers={"WWW-Authenticate": 'Basic realm="here"'}, text="who are you?")

    def cookie(request: Any) -> Any:
        """Set a cookie, and tell what was asked."""
        told = echo(request)
        told.headers["Set-Cookie"] = "seen=1; Path=/"
        return told

    def status(request: Any) -> Any:
        """Answer /<status> with that status."""
        return response(int(request.url.path.strip("/")), text="ü", headers={"Content-Type": "text/plain"})

    async def aecho(request: Any) -> Any:
        """Tell what was asked, a moment later."""
        return echo(request)

    def broken(request: Any) -> Any:
        """Fail as a network does."""
        raise library.ReadTimeout("too slow", request=request)

    functions = [echo, redirect, loop, challenge, cookie, status, aecho, broken]
    return {function.__name__: function for function in functions}
