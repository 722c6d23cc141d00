from django.apps import AppConfig


class ProxyAppConfig(AppConfig):
    name = "proxyapp"
    verbose_name = "Gemini Key Gateway"
