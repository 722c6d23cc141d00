"""The stock path: what a first version of a proxy in Django looks like. Only the benchmark uses it.

Django's ASGI handler under an unchanged Daphne, an asynchronous view, httpx.AsyncClient with its
defaults, and StreamingHttpResponse.
"""

import os
from collections.abc import AsyncIterator

import httpx
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import re_path

settings.configure(
    SECRET_KEY="only for the benchmark",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEBUG=False,
)
client = httpx.AsyncClient()


async def forward(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    if request.method != "POST":
        return HttpResponse("ready")
    headers = {"content-type": "application/json", "authorization": "Bearer a-key"}
    url = os.environ["STOCK_UPSTREAM"] + request.get_full_path()
    upstream = client.build_request("POST", url, headers=headers, content=request.body)
    response = await client.send(upstream, stream=True)
    kind = response.headers["content-type"]
    return StreamingHttpResponse(relay(response), status=response.status_code, content_type=kind)


async def relay(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()


urlpatterns = [re_path("", forward)]
application = get_asgi_application()
