"""The ways to the upstreams: one long-lived transport for each proxy, and what its failures mean to a client."""

import ssl
import urllib.request

import certifi
import httpx
from django.conf import settings

from proxyapp.errors import BadRequest, GatewayError, ProxyFailed, UpstreamFailed, UpstreamTimedOut
from proxyapp.headers import Header
from proxyapp.pool import PoolGroup
from proxyapp.transport import Transport, is_request_sent


class Upstreams:
    """Bound to the event loop that it is used on."""

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self._ssl_context = ssl_context
        self._transports: dict[str | None, Transport] = {}

    async def send(
        self, group: PoolGroup, method: str, target: bytes, headers: list[Header], body: httpx.AsyncByteStream
    ) -> httpx.Response:
        """Raises GatewayError when there is no answer. The caller closes the response."""
        request = httpx.Request(method, group.url, headers=headers, stream=body, extensions={"target": target})
        try:
            return await self._transport(group).handle_async_request(request)
        except httpx.TransportError as error:
            raise failure(error, group) from None

    def _transport(self, group: PoolGroup) -> Transport:
        proxy_url = group.proxy_url
        if proxy_url is None and settings.TRUST_ENVIRONMENT_PROXIES:
            proxy_url = environment_proxy(group.url)
        transport = self._transports.get(proxy_url)
        if transport is None:
            transport = self._transports[proxy_url] = self._new_transport(proxy_url)
        return transport

    def _new_transport(self, proxy_url: str | None) -> Transport:
        return Transport(
            proxy_url=proxy_url,
            connect_timeout=settings.CONNECT_TIMEOUT_SECONDS,
            read_timeout=settings.READ_TIMEOUT_SECONDS,
            keepalive_seconds=settings.KEEPALIVE_SECONDS,
            ssl_context=self._ssl_context,
        )

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()


def verifying_context() -> ssl.SSLContext:
    """Trusts certifi's authorities, the system's, and those of UPSTREAM_CA_FILE. Takes 50 ms: not on the event loop."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    if settings.UPSTREAM_CA_FILE:
        context.load_verify_locations(settings.UPSTREAM_CA_FILE)
    return context


def environment_proxy(url: httpx.URL) -> str | None:
    """What HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say about the target."""
    if urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def failure(error: httpx.TransportError, group: PoolGroup) -> GatewayError:
    """What a client is told; the group's proxy is named without its credentials, the request not at all."""
    if isinstance(error, httpx.LocalProtocolError):
        return BadRequest(f"The request cannot be forwarded: {error}.")
    is_sent = is_request_sent(error)
    if isinstance(error, httpx.ProxyError):
        return ProxyFailed(f"The proxy of group {group.name} failed: {error}", is_sent=is_sent)
    if isinstance(error, httpx.ConnectTimeout):
        seconds = f"{settings.CONNECT_TIMEOUT_SECONDS:g}"
        return UpstreamTimedOut(f"No connection to {group.url.host} within {seconds} s.", is_sent=is_sent)
    if isinstance(error, httpx.TimeoutException):
        return UpstreamTimedOut(f"{group.url.host} sent nothing for {settings.READ_TIMEOUT_SECONDS:g} s.")
    if isinstance(error, httpx.ConnectError):
        return UpstreamFailed(f"No connection to {group.url.host}: {error}", is_sent=is_sent)
    return UpstreamFailed(f"{group.url.host} broke off the exchange: {error}")
