"""Django's routes. Servers reach `forward` and the health pages by the lane; here they are for Django's test client."""

from django.contrib import admin
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from proxyapp.views import forward, healthz, readyz

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("readyz", readyz),
    re_path(r"^(?!(?:admin|static|metrics)(?:/|$))", csrf_exempt(forward)),
]
