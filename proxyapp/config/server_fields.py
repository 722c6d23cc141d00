"""The `server` of a config file: where the gateway listens, and for whom."""

from proxyapp.config.checked_tree import CheckedTree, typed
from proxyapp.config.contents import ServerConfig
from proxyapp.vocabulary.checks import check_host, check_port
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.path_prefix import check_path_prefix

SERVER_NAMES = (
    "host",
    "port",
    "tls_port",
    "certificate",
    "private_key",
    "path_prefix",
    "allow_anonymous",
)


class ServerFields(CheckedTree):
    def server(self, value: object) -> ServerConfig:
        fields = self.mapping({} if value is None else value, "server", SERVER_NAMES) or {}
        host = self.text(fields, "host", "server", check_host, default=ServerConfig.host)
        port = self.port(fields.get("port", ServerConfig.port), "port") or ServerConfig.port
        certificate, private_key = (
            self.file(fields, "certificate"),
            self.file(fields, "private_key"),
        )
        if bool(certificate) != bool(private_key):
            named, missing = ("certificate", "private_key")[:: 1 if certificate else -1]
            self.wrong(
                f"server.{missing}",
                _("is required beside server.%(name)s: a file each (PEM)") % {"name": named},
            )
        return ServerConfig(
            host,
            port,
            self.flag(fields, "allow_anonymous", "server"),
            self.tls_port(fields, port, has_certificate=bool(certificate or private_key)),
            certificate,
            private_key,
            self.path_prefix(fields),
        )

    def path_prefix(self, fields: dict[str, object]) -> str:
        if fields.get("path_prefix") in (None, ""):
            return ""
        return self.text(fields, "path_prefix", "server", check_path_prefix)

    def tls_port(
        self, fields: dict[str, object], port: int, *, has_certificate: bool
    ) -> int | None:
        if fields.get("tls_port") is None:
            return None
        value = self.port(fields["tls_port"], "tls_port")
        if not has_certificate:
            self.wrong("server.tls_port", _("needs server.certificate and server.private_key"))
        elif value == port:
            self.wrong(
                "server.tls_port", _("is server.port too; leave it out for HTTPS on the one port")
            )
        return value

    def port(self, given: object, name: str) -> int | None:
        value = typed(given)
        if not isinstance(value, int) or isinstance(value, bool):
            self.not_of_kind(f"server.{name}", _("a whole number from 1 to 65535"), value)
            return None
        if problem := check_port(value):
            self.wrong(f"server.{name}", problem)
        return value

    def file(self, fields: dict[str, object], name: str) -> str:
        """A path, relative to the file; what is in it matters to `serve` alone."""
        if fields.get(name) in (None, ""):
            return ""
        return self.text(fields, name, "server", _check_path)


def _check_path(value: str) -> str | None:
    if "-----BEGIN" in value:
        return _("must be the path of a PEM file, not its text")
    return None if value.strip() and "\0" not in value else _("must be the path of a PEM file")
