"""The page that describes the API: for people, in their language; programs read English."""

import pytest

from tests.support.admin_pages import superuser

pytestmark = pytest.mark.django_db
CHINESE = {"accept-language": "zh-hans"}


def test_the_page_is_in_its_readers_language_and_what_programs_read_is_not():
    operator = superuser()

    english = operator.get("/admin/api/").content.decode()
    chinese = operator.get("/admin/api/", headers=CHINESE)
    described = operator.get("/admin/api/openapi.json", headers=CHINESE).json()

    assert "List keys. By id. `next` is the `after` of the page behind this one" in english
    assert '<html lang="en"' in english
    assert '<html lang="zh-hans"' in chinese.content.decode()
    assert "Accept-Language" in chinese["Vary"]
    assert described["paths"]["/admin/api/keys"]["get"]["summary"] == "List keys"
