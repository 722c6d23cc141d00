"""Where the gateway listens, and with which certificate: as the command line says, else the config
file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from proxyapp.config.file import Config, ServerConfig
from proxyapp.process import listener
from proxyapp.process.start_error import StartError
from proxyapp.server.certificate import CertificateFiles, host_names
from proxyapp.vocabulary.addresses import ANY_ADDRESS, Listening


class ListenOptions(NamedTuple):
    """What the command line says; None: nothing."""

    host: str | None = None
    port: str | None = None
    tls_port: str | None = None
    certificate: str | None = None
    private_key: str | None = None


@dataclass(frozen=True)
class ListenAddress:
    """With files and without a `tls_port` the one port speaks HTTPS."""

    host: str
    port: int
    tls_port: int | None = None
    files: CertificateFiles | None = None

    @property
    def ports(self) -> list[int]:
        """The last one speaks TLS if there is a certificate."""
        return [self.port] if self.tls_port is None else [self.port, self.tls_port]

    @property
    def listening(self) -> list[Listening]:
        return [(self.host, port) for port in self.ports]

    @property
    def urls(self) -> list[str]:
        schemes = ["https" if self.files else "http"]
        if self.tls_port is not None:
            schemes.insert(0, "http")
        return [
            listener.url(self.host, port, scheme) + settings.PATH_PREFIX
            for scheme, port in zip(schemes, self.ports, strict=True)
        ]

    @property
    def names(self) -> list[str]:
        """Under which the admin may be called, besides this machine's own."""
        named = [] if self.host in ANY_ADDRESS else [self.host]
        own = [f"[{host}]" if ":" in host else host for host in named]
        return [*own, *(host_names(self.files.certificate) if self.files else [])]

    def options(self) -> list[str]:
        """A command line for another process that serves the same."""
        place = ["--host", self.host, "--port", str(self.port)]
        if self.files is None:
            return place
        port = [] if self.tls_port is None else ["--tls-port", str(self.tls_port)]
        files = ["--certificate", str(self.files.certificate)]
        return [*place, *port, *files, "--private-key", str(self.files.private_key)]


def chosen(options: ListenOptions, config: Config | None, path: Path) -> ListenAddress:
    """`path`: of the config file. Raises StartError, ListenError."""
    server = config.server if config else ServerConfig()
    host = options.host if options.host is not None else server.host
    if not host.strip():
        raise StartError(
            "The host is empty: name an address of this machine, such as 127.0.0.1 or 0.0.0.0."
        )
    port = server.port if options.port is None else listener.parse_port(options.port)
    tls_port = (
        server.tls_port if options.tls_port is None else listener.parse_port(options.tls_port)
    )
    files = _files_of_options(options) or _files_of_config(server, path)
    if tls_port is not None and files is None:
        raise StartError("--tls-port needs a certificate: add --certificate and --private-key.")
    if tls_port == port:
        raise StartError(
            f"Port {port} cannot speak HTTP and HTTPS: choose another --tls-port, or leave it out"
            " for HTTPS alone."
        )
    return ListenAddress(host.strip().removeprefix("[").removesuffix("]"), port, tls_port, files)


def _files_of_options(options: ListenOptions) -> CertificateFiles | None:
    certificate, private_key = options.certificate, options.private_key
    if certificate is None and private_key is None:
        return None
    if not certificate or not private_key:
        missing = "--private-key" if certificate else "--certificate"
        raise StartError(f"{missing} is missing: a certificate and its private key go together.")
    return CertificateFiles(
        Path(certificate).absolute(),
        Path(private_key).absolute(),
        "--certificate",
        "--private-key",
    )


def _files_of_config(server: ServerConfig, path: Path) -> CertificateFiles | None:
    if not server.certificate:
        return None
    folder = path.absolute().parent
    return CertificateFiles(
        folder / server.certificate,
        folder / server.private_key,
        f"{path}: server.certificate",
        f"{path}: server.private_key",
    )


def tell_settings(address: ListenAddress) -> None:
    """The admin may be called by what it listens on and is certified for, unless its names are
    configured.
    """
    settings.LISTEN_PORTS = address.ports
    if not settings.HOSTS_ARE_CONFIGURED:
        settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, *filter(None, address.names)]
