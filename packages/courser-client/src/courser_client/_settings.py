"""What a client *has*, and how that becomes part of every request: base URL, params, headers, time-outs."""

from __future__ import annotations

import typing

from courser_models import (
    URL,
    Field,
    Headers,
    HeaderTypes,
    QueryParams,
    QueryParamTypes,
    Request,
    RequestContent,
    RequestData,
    RequestExtensions,
    URLTypes,
)
from courser_transport import Timeout, TimeoutTypes

from ._defaults import USE_CLIENT_DEFAULT, TimeoutArgument, default_headers


class Settings:
    """The settings of a client, all of them changeable while it lives; a change holds for requests built after it."""

    def __init__(
        self,
        *,
        params: QueryParamTypes | None,
        headers: HeaderTypes | None,
        timeout: TimeoutTypes,
        base_url: URLTypes,
    ) -> None:
        self.params = params
        self.headers = headers
        self.timeout = timeout
        self.base_url = base_url

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
        json: typing.Any = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        timeout: TimeoutArgument = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> Request:
        """Return a request with the client's settings merged into it, ready for `send`.

        - a relative `url` is appended to the base URL
        - `params`, the client's and these, replace the query of `url`; these win over the client's
        - `headers` win over the client's, name by name

        Raises `InvalidURL`, `InvalidHeader`.
        """
        merged = URL(url)
        if merged.is_relative_url:
            merged = self._below_base(merged)
        if params or self._params:
            merged = merged.copy_with(params=self._params.merge(params))
        elif params is not None:
            merged = merged.copy_with(params=None)
        noted: dict[str, typing.Any] = {} if extensions is None else dict(extensions)
        if "timeout" not in noted:
            if timeout is USE_CLIENT_DEFAULT:
                noted["timeout"] = self._timeout_by_phase.copy()
            else:
                noted["timeout"] = Timeout(timeout).as_dict()
        return Request.from_parts(method.upper(), merged, self._fields(headers), noted, content, data, json)

    def _below_base(self, url: URL) -> URL:
        """Append a relative URL to the base URL's path; the query is its own, or else the base's."""
        base_path, _, base_query = self._base_url.raw_path.partition(b"?")
        path, _, query = url.raw_path.partition(b"?")
        merged = self._base_url.copy_with(raw_path=base_path + path.lstrip(b"/"))
        query = query or base_query
        return merged.copy_with(query=query) if query else merged

    def _fields(self, headers: HeaderTypes | None) -> list[Field]:
        """Return the client's fields with those of one request in their place, as a list of its own."""
        if headers is None:
            return self._headers.fields.copy()
        merged = self._headers.copy()
        merged.update(headers)
        return merged.fields
