"""Certificates of authorities as text: one form, what they say, and what is refused."""

from pathlib import Path

import pytest

from proxyapp.vocabulary import certificates
from proxyapp.vocabulary.certificates import BadCertificates, in_one_form, listed_certificates
from tests.support.certificates import NAMES, authority, pem

OTHER = authority(pem("other"))


def test_only_the_certificates_stay_each_once_in_their_order() -> None:
    text = f"# ours\r\n{authority()}\n\nbetween\n{OTHER}{authority()}".replace("\n", "\r\n")
    assert in_one_form(text) == authority() + OTHER
    assert in_one_form(in_one_form(text)) == in_one_form(text)


def test_what_they_say_of_themselves_is_listed() -> None:
    first, second = listed_certificates(authority() + authority(pem("expired", NAMES, days=-1)))
    assert str(first).startswith("CN=tests, until 20")
    assert str(second).endswith(" (expired)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no certificates in PEM form"),
        ("nothing", "holds no certificates in PEM form"),
        (authority().replace("M", "!", 40), "holds no certificates in PEM form"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "holds no certificates in PEM form",
        ),
        (pem().decode(), "holds a private key"),
        (authority() * 200, "65536 are allowed"),
    ],
)
def test_what_is_no_list_of_certificates_is_refused_without_quoting_it(
    text: str, words: str
) -> None:
    with pytest.raises(BadCertificates, match=words) as caught:
        in_one_form(text)
    assert "AAAA" not in str(caught.value)


def test_a_file_is_read_from_the_folder_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("# Zertifikat für uns\n" + authority())
    assert authority() in certificates.read_certificates("ca.pem", tmp_path)
    assert authority() in certificates.read_certificates(
        str(tmp_path / "ca.pem"), Path("/elsewhere")
    )


@pytest.mark.parametrize(
    ("path", "reason"), [("no.pem", "No such file"), (".", "directory"), ("a\0b", "not a path")]
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, path: str, reason: str) -> None:
    with pytest.raises(BadCertificates, match=f"cannot be read: .*{reason}"):
        certificates.read_certificates(path, tmp_path)


def test_a_config_that_is_no_file_names_none() -> None:
    with pytest.raises(BadCertificates, match="use ca_certificates"):
        certificates.read_certificates("/etc/passwd", None)
