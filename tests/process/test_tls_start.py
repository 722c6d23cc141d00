"""A start with a certificate: what it says and refuses, and how a renewed one comes into use."""

import datetime
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from proxyapp.process import file_modes, tls_files
from proxyapp.process.start_error import StartError
from proxyapp.server.certificate import CertificateFiles, ServerCertificate, host_names
from tests.support import certificates
from tests.support.gateway import Gateway
from tests.support.ports import free_port
from tests.support.raw_client import RawClient
from tests.support.tls_gateway import TlsGateway
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])
RENEWED = "The certificate was loaded again"


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return certificates.write(tmp_path)


def refusal(files: CertificateFiles) -> str:
    with pytest.raises(StartError) as refused:
        tls_files.loaded(files)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def subject_of(port: int) -> str:
    """Whose certificate a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), 15) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as client,
    ):
        shown = client.getpeercert(binary_form=True)
    assert shown is not None
    subject = x509.load_der_x509_certificate(shown).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


# What is refused, in one line that names the file and the remedy.


def test_a_missing_file_is_named(files: CertificateFiles) -> None:
    files.private_key.unlink()

    said = refusal(files)

    assert said == (
        f"server.private_key: {files.private_key} cannot be read: No such file or directory."
    )


def test_a_key_of_another_certificate_is_named(files: CertificateFiles) -> None:
    files.certificate.write_text(certificates.authority(certificates.pem("another")))

    assert f"{files.private_key} does not belong to the first certificate" in refusal(files)


def test_a_key_of_another_kind_is_named(files: CertificateFiles) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    files.private_key.write_bytes(key_text(key, serialization.NoEncryption()))

    assert f"{files.private_key} does not belong to the first certificate" in refusal(files)


def key_text(key: object, encryption: serialization.KeySerializationEncryption) -> bytes:
    text: bytes = key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, encryption
    )
    return text


@pytest.mark.parametrize(
    "form",
    [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL],
    ids=["pkcs8", "traditional"],
)
def test_a_passphrase_is_refused_with_the_way_out(
    files: CertificateFiles, form: serialization.PrivateFormat
) -> None:
    key = serialization.load_pem_private_key(files.private_key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"open sesame")
    files.private_key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))

    said = refusal(files)

    assert f"{files.private_key} has a passphrase" in said
    assert "openssl pkey -in KEY -out NEW" in said


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("certificate", b"", "holds none"),
        ("certificate", b"\x30\x82\x01\x00", "holds none"),
        ("private_key", b"nothing", "holds none"),
        ("certificate", b"-----BEGIN CERTIFICATE-----\nx\n", "cannot be used"),
    ],
)
def test_what_is_no_pem_is_named(
    files: CertificateFiles, name: str, text: bytes, found: str
) -> None:
    getattr(files, name).write_bytes(text)

    said = refusal(files)

    assert said.startswith(f"server.{name}: {getattr(files, name)}")
    assert found in said


def test_files_that_are_swapped_are_recognised(files: CertificateFiles) -> None:
    swapped = CertificateFiles(files.private_key, files.certificate)

    assert "holds a private key only" in refusal(swapped)
    assert "holds certificates only" in refusal(
        CertificateFiles(files.certificate, files.certificate)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--certificate", "a.pem"], "--private-key is missing: a certificate and its private key"),
        (["--private-key", "a.pem"], "--certificate is missing: a certificate and its private key"),
        (["--tls-port", "8443"], "--tls-port needs a certificate"),
        (["--certificate", "no.pem", "--private-key", "no.pem"], "--certificate: /"),
    ],
)
def test_a_bad_option_is_one_line(idle: Gateway, arguments: list[str], message: str) -> None:
    done = idle.manage("serve", "--config", str(idle.config_path), *arguments)

    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_one_port_for_both_is_one_line(idle: Gateway, tmp_path: Path) -> None:
    written = certificates.write(tmp_path)
    pair = ["--certificate", str(written.certificate), "--private-key", str(written.private_key)]

    done = idle.manage("serve", "--port", "8443", "--tls-port", "8443", *pair)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("Port 8443 cannot speak HTTP and HTTPS")


@pytest.fixture(scope="module")
def idle() -> Iterator[Gateway]:
    gateway = Gateway({"groups": []})
    yield gateway
    gateway.close()


# What is served with a warning.


def test_an_expired_certificate_is_a_warning_with_its_date(tmp_path: Path) -> None:
    files = certificates.write(tmp_path, certificates.pem("old", days=-1))

    (warning,) = tls_files.warnings(files)

    day = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    assert warning.startswith("warning: server.certificate: ")
    assert f"expired on {day:%Y-%m-%d}" in warning


@pytest.mark.parametrize(("mode", "is_warned_of"), [(0o600, False), (0o400, False), (0o640, True)])
def test_a_private_key_that_others_can_read_is_a_warning_with_the_command(
    files: CertificateFiles, mode: int, is_warned_of: bool
) -> None:
    files.private_key.chmod(mode)

    found = tls_files.warnings(files)

    assert bool(found) == is_warned_of
    assert all(each.endswith(f"chmod 600 {files.private_key}") for each in found)


def test_nothing_is_said_of_a_key_that_is_mounted_as_a_secret(
    files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.private_key.chmod(0o444)
    monkeypatch.setattr(file_modes, "MOUNTED_SECRETS", files.private_key.parent)

    assert tls_files.warnings(files) == []


def test_the_names_of_a_certificate_are_hosts_of_the_admin(tmp_path: Path) -> None:
    names = (x509.DNSName("gw.example"), x509.DNSName("*.lan.example"), *certificates.NAMES[1:])
    files = certificates.write(tmp_path, certificates.pem("names", names))

    found = host_names(files.certificate)

    assert found == ["gw.example", ".lan.example", "127.0.0.1", "[::1]"]


# What it serves.


@SERVERS
def test_the_first_lines_name_both_addresses_and_the_admin_on_https(server: str) -> None:
    with TlsGateway(has_both=True, server=server) as gateway:
        wait_for(lambda: "Keys: " in gateway.output())
        said = gateway.output()
        plain = httpx.get(f"{gateway.plain_url}/healthz", trust_env=False)

    assert (
        f"Proxy: {gateway.plain_url}\nProxy: {gateway.url}\nAdmin: {gateway.url}/admin/\n" in said
    )
    assert plain.status_code == 200
    assert "warning: " not in said


def test_a_target_that_is_the_https_port_is_refused() -> None:
    gateway = TlsGateway([], has_both=True)
    try:
        target = {"name": "own", "target_url": gateway.url, "api_keys": ["AIzaSyA-own"]}
        text = gateway.config_path.read_text().replace("groups: []", f"groups: [{target}]")
        gateway.config_path.write_text(text)
        gateway.launch()

        assert gateway.wait(30) == 1
        assert "leads back to this gateway" in gateway.output()
    finally:
        gateway.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize(
    ("version", "is_served"), [(ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)]
)
def test_tls_before_1_2_is_not_spoken(
    renewable: TlsGateway, version: ssl.TLSVersion, is_served: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", renewable.port), 15) as raw:
        if is_served:
            with context.wrap_socket(raw) as client:
                assert (client.version(), client.selected_alpn_protocol()) == (
                    "TLSv1.2",
                    "http/1.1",
                )
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(raw)


# A renewed certificate.


@pytest.fixture(params=["daphne", "uvicorn"])
def renewable(request: pytest.FixtureRequest) -> Iterator[TlsGateway]:
    with TlsGateway(server=request.param) as gateway:
        yield gateway


def renew(gateway: Gateway, outcome: str = RENEWED) -> None:
    before = gateway.output().count(outcome)
    gateway.signal(signal.SIGHUP)
    wait_for(lambda: gateway.output().count(outcome) > before)


def test_sighup_gives_new_connections_the_renewed_certificate_and_ends_none(
    renewable: TlsGateway,
) -> None:
    with RawClient(renewable.url) as client:
        assert client.request("GET", "/healthz").status == 200
        certificates.write(renewable.directory, certificates.pem("renewed"))
        renew(renewable)

        assert subject_of(renewable.port) == "renewed"
        assert client.request("GET", "/healthz").status == 200
    assert renewable.stop() == 0


def test_a_broken_file_leaves_the_certificate_as_it_was_and_is_said_once(
    renewable: TlsGateway,
) -> None:
    renewable.files.certificate.write_text("half of a renew")

    renew(renewable, "The certificate stays the one before.")

    assert subject_of(renewable.port) == "tests"
    assert "has to hold certificates in PEM form" in renewable.output()
    assert "Traceback" not in renewable.output()


@SERVERS
def test_workers_get_the_renewed_certificate_and_refuse_a_broken_one(server: str) -> None:
    with TlsGateway(server=server, args=["--workers", "2"]) as gateway:
        wait_for(lambda: "Proxy: " in gateway.output())
        certificates.write(gateway.directory, certificates.pem("renewed"))
        renew(gateway, "Restarted: 2 new workers")
        shown = {subject_of(gateway.port) for _ in range(8)}

        gateway.files.private_key.write_text("broken")
        renew(gateway, "The restart was given up")

        assert shown == {"renewed"}
        assert {subject_of(gateway.port) for _ in range(8)} == {"renewed"}
        assert gateway.stop() == 0


def test_a_restart_takes_the_ports_of_the_command_line_not_of_the_file() -> None:
    """The file's port is the HTTPS port of the command line here: both at once make no sense."""
    gateway = TlsGateway()
    text = gateway.config_path.read_text()
    tls_port = free_port()
    gateway.config_path.write_text(text.replace("server:", f"server:\n  port: {tls_port}"))
    gateway._args += ["--workers", "2", "--tls-port", str(tls_port)]
    gateway.tls_port = tls_port
    with gateway:
        wait_for(lambda: "Proxy: " in gateway.output())
        renew(gateway, "Restarted: 2 new workers")

        assert httpx.get(f"{gateway.plain_url}/healthz", trust_env=False).status_code == 200


def test_a_certificate_reloads_in_place(files: CertificateFiles) -> None:
    certificate = ServerCertificate(files)
    before = certificate.context
    certificates.write(files.certificate.parent, certificates.pem("renewed"))

    certificate.reload()

    assert certificate.context is not before
    os.truncate(files.private_key, 0)
    after = certificate.context
    tls_files.renew(certificate)
    assert certificate.context is after
