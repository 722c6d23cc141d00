"""The page that stands in while the database is away is made before Django's middleware, and as safe as its pages."""

from django.test import Client

from proxyapp.awaypage import page


def test_it_has_the_headers_of_the_admins_pages(db: None):
    usual = Client().get("/admin/login/").headers
    bare = page("it does not answer", 0, []).headers

    names = (
        "X-Frame-Options",
        "X-Content-Type-Options",
        "Permissions-Policy",
        "Referrer-Policy",
        "Cross-Origin-Opener-Policy",
    )
    assert {name: bare.get(name) for name in names} == {name: usual[name] for name in names}
    assert "no-store" in bare["Cache-Control"]
    assert "default-src 'none'" in bare["Content-Security-Policy"]
    assert "unsafe" not in bare["Content-Security-Policy"]


def test_it_writes_what_it_is_told_as_text():
    assert b"<b>" not in page("<b>", 1, ["<b>"]).content
