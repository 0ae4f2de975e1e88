"""What a client *has*, and how that becomes part of every request: base URL, params, headers, cookies, time-outs."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Iterable, Mapping

from courser_auth import Auth, CookieStore
from courser_models import (
    URL,
    Cookies,
    CookieTypes,
    DefaultEncoding,
    Field,
    Headers,
    HeaderTypes,
    JSONDecoder,
    JSONEncoder,
    QueryParams,
    QueryParamTypes,
    Request,
    RequestContent,
    RequestData,
    RequestExtensions,
    RequestFiles,
    Response,
    URLTypes,
)
from courser_transport import Timeout, TimeoutTypes

from ._auth_argument import AuthTypes, scheme_of
from ._defaults import USE_CLIENT_DEFAULT, TimeoutArgument, default_headers

EventHook = Callable[..., typing.Any]
EventHooks = Mapping[str, Iterable[EventHook]]

# What params do to the query of a URL.
ParamsMode = typing.Literal["replace", "merge"]

# Given the request that would follow and the redirect: whether to follow it.
RedirectPolicy = Callable[[Request, Response], bool]

# A program asks for the same URLs again and again, and those who wait for a connection share theirs; longer texts are
# not kept, which may come from anywhere.
LONGEST_KEPT = 2048
_url_of = functools.lru_cache(maxsize=512)(URL)


class Settings:
    """The settings of a client, all of them changeable while it lives; a change holds for requests built after it."""

    def __init__(
        self,
        *,
        auth: AuthTypes | None,
        params: QueryParamTypes | None,
        headers: HeaderTypes | None,
        cookies: CookieTypes | typing.Literal[False] | None,
        timeout: TimeoutTypes,
        follow_redirects: bool,
        max_redirects: int,
        event_hooks: EventHooks | None,
        base_url: URLTypes,
        trust_env: bool,
        default_encoding: DefaultEncoding,
        json_encoder: JSONEncoder | None,
        json_decoder: JSONDecoder | None,
        params_mode: ParamsMode,
        raise_for_status: bool,
        redirect_policy: RedirectPolicy | None,
        sensitive_headers: Iterable[str],
    ) -> None:
        self.auth = auth
        self.params = params
        self.headers = headers
        self._keeps_cookies = cookies is not False
        self.cookies = None if cookies is False else cookies
        self.timeout = timeout
        self.follow_redirects = follow_redirects
        self.max_redirects = max_redirects
        self.event_hooks = event_hooks
        self.base_url = base_url
        self._trust_env = trust_env
        self.default_encoding: DefaultEncoding = default_encoding
        self.json_encoder = json_encoder
        self.json_decoder = json_decoder
        self.params_mode = params_mode
        self.raise_for_status = raise_for_status
        self.redirect_policy = redirect_policy
        self.sensitive_headers = tuple(name.lower() for name in sensitive_headers)

    @property
    def auth(self) -> Auth | None:
        """The scheme of every request that names none."""
        return self._auth

    @auth.setter
    def auth(self, auth: AuthTypes | None) -> None:
        self._auth = scheme_of(auth)

    @property
    def cookies(self) -> CookieStore:
        """The cookies that responses set, and that requests take along where they belong."""
        return self._cookies

    @cookies.setter
    def cookies(self, cookies: CookieTypes | None) -> None:
        # A store that somebody shares between clients, or gave rules of its own, is used itself.
        self._cookies = cookies if isinstance(cookies, CookieStore) else CookieStore(cookies)

    @property
    def event_hooks(self) -> dict[str, list[EventHook]]:
        """Functions by event: those of `request` see each request before it is sent, of `response` each response."""
        return self._event_hooks

    @event_hooks.setter
    def event_hooks(self, event_hooks: EventHooks | None) -> None:
        hooks = {} if event_hooks is None else dict(event_hooks)
        unknown = hooks.keys() - {"request", "response"}
        if unknown:
            raise ValueError(f"there are hooks for request and response, and none for {', '.join(sorted(unknown))}")
        self._event_hooks = {event: list(hooks.get(event, [])) for event in ("request", "response")}

    @property
    def trust_env(self) -> bool:
        """Whether the environment is asked for what is not given; what was asked for already stays as it is."""
        return self._trust_env

    @trust_env.setter
    def trust_env(self, trust_env: bool) -> None:
        self._trust_env = trust_env

    @property
    def base_url(self) -> URL:
        """The URL that relative URLs are appended to; its path ends with a slash."""
        return self._base_url

    @base_url.setter
    def base_url(self, url: URLTypes) -> None:
        base = URL(url)
        path, question, query = base.raw_path.partition(b"?")
        self._base_url = base if path.endswith(b"/") else base.copy_with(raw_path=path + b"/" + question + query)

    @property
    def headers(self) -> Headers:
        """The fields of every request; setting them keeps the defaults that are not named."""
        return self._headers

    @headers.setter
    def headers(self, headers: HeaderTypes | None) -> None:
        self._headers = default_headers()
        self._headers.update(headers)

    @property
    def params(self) -> QueryParams:
        """The query parameters of every request."""
        return self._params

    @params.setter
    def params(self, params: QueryParamTypes | None) -> None:
        self._params = QueryParams(params)
        self._has_params = bool(self._params)

    @property
    def params_mode(self) -> ParamsMode:
        """What params do to the query of a URL: `"replace"` it, or `"merge"` with it."""
        return self._params_mode

    @params_mode.setter
    def params_mode(self, params_mode: ParamsMode) -> None:
        if params_mode not in ("replace", "merge"):
            raise ValueError(f"params_mode is 'replace' or 'merge', not {params_mode!r}")
        self._params_mode: ParamsMode = params_mode

    @property
    def timeout(self) -> Timeout:
        """The time-outs of every request that names none."""
        return self._timeout

    @timeout.setter
    def timeout(self, timeout: TimeoutTypes) -> None:
        self._timeout = Timeout(timeout)
        self._timeout_by_phase = self._timeout.as_dict()

    def build_request(
        self,
        method: str,
        url: URLTypes,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Request:
        """Return a request with the client's settings merged into it, ready for `send`.

        - a relative `url` is appended to the base URL
        - `params`, the client's and these, replace the query of `url`, or merge with it where the client's
          `params_mode` says so; these win over the URL's, and those over the client's
        - `headers` win over the client's, name by name, and so do `cookies`

        Raises `InvalidURL`, `InvalidHeader`.
        """
        merged = _url_of(url) if type(url) is str and len(url) <= LONGEST_KEPT else URL(url)
        if merged.is_relative_url:
            merged = self._below_base(merged)
        if params is not None or self._has_params:
            merged = self._with_params(merged, params)
        noted: dict[str, typing.Any]
        if extensions is None and timeout is USE_CLIENT_DEFAULT:
            noted = {"timeout": self._timeout_by_phase.copy()}
        else:
            noted = {} if extensions is None else dict(extensions)
            if "timeout" not in noted:
                chosen = self._timeout_by_phase.copy() if timeout is USE_CLIENT_DEFAULT else Timeout(timeout).as_dict()
                noted["timeout"] = chosen
        request = Request.from_parts(
            method.upper(), merged, self._fields(headers, merged), noted, content, data, json, files, self.json_encoder
        )
        if cookies or self._cookies:
            self._add_cookies(request, cookies)
        return request

    def _with_params(self, url: URL, params: QueryParamTypes | None) -> URL:
        """Return `url` with the client's parameters and a request's, in the place of its own or merged with them."""
        is_merged = self._params_mode == "merge"
        if params or self._has_params:
            known = self._params.merge(url.params) if is_merged else self._params
            return url.copy_with(params=known.merge(params))
        return url if is_merged else url.copy_with(params=None)

    def _extensions_with(self, extensions: dict[str, typing.Any], timeout: TimeoutTypes) -> dict[str, typing.Any]:
        """Return extensions with another time-out, and without the deadline that came of the one before."""
        kept = {name: value for name, value in extensions.items() if name != "deadline"}
        return {**kept, "timeout": Timeout(timeout).as_dict()}

    def _add_cookies(self, request: Request, cookies: CookieTypes | None) -> None:
        """Give a request the client's cookies and its own."""
        if not cookies:
            self._cookies.set_cookie_header(request)
        elif request.headers.find(b"cookie") is None:
            own = Cookies(cookies).cookies_for(request.url)
            names = {cookie.name for cookie in own}
            kept = [cookie for cookie in self._cookies.cookies_for(request.url) if cookie.name not in names]
            if kept or own:
                request.headers["Cookie"] = "; ".join([f"{cookie.name}={cookie.value}" for cookie in (*kept, *own)])

    def _has_our_cookies(self, request: Request) -> bool:
        """Return whether a request has the client's cookies and no others, or none at all."""
        field = request.headers.find(b"cookie")
        own = "; ".join([f"{cookie.name}={cookie.value}" for cookie in self._cookies.cookies_for(request.url)])
        return field is None or field == own.encode("ascii")

    def _renew_cookies(self, request: Request) -> None:
        """Give a request that is sent again the cookies of now."""
        request.headers.pop("cookie", None)
        self._cookies.set_cookie_header(request)

    def _merge_url(self, url: URLTypes) -> URL:
        """Return the URL that a request for `url` goes to. HTTPX's name for it: starlette's TestClient asks."""
        merged = _url_of(url) if type(url) is str and len(url) <= LONGEST_KEPT else URL(url)
        return self._below_base(merged) if merged.is_relative_url else merged

    def _below_base(self, url: URL) -> URL:
        """Append a relative URL to the base URL's path; the query is its own, or else the base's."""
        base_path, _, base_query = self._base_url.raw_path.partition(b"?")
        path, _, query = url.raw_path.partition(b"?")
        merged = self._base_url.copy_with(raw_path=base_path + path.lstrip(b"/"))
        query = query or base_query
        return merged.copy_with(query=query) if query else merged

    def _fields(self, headers: HeaderTypes | None, url: URL) -> list[Field]:
        """Return the client's fields with those of one request in their place, and `Host`, as a list of its own."""
        if headers is None:
            merged = self._headers
            fields = merged.fields.copy()
        else:
            merged = self._headers.copy()
            merged.update(headers)
            fields = merged.fields
        # Asked of the client's own fields, which have an index, and not found out in each list of them.
        if merged.find(b"host") is None:
            host = url.host_field
            if host[2]:
                fields.insert(0, host)
        return fields
