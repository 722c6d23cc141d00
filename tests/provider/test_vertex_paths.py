"""Which of Vertex AI's paths a client's stands for."""

import pytest

from proxyapp.provider.vertex_paths import is_vertex, vertex_path

PROJECT = "/v1/projects/own/locations/eu"
GEMINI = "/publishers/google/models/m:generateContent"


@pytest.mark.parametrize(
    ("host", "prefix", "is_so"),
    [
        ("aiplatform.googleapis.com", "", True),
        ("AIPLATFORM.googleapis.com.", "", True),
        ("us-central1-aiplatform.googleapis.com", "", True),
        ("aiplatform.us.rep.googleapis.com", "", True),
        ("proxy.example", "/v1/projects/p/locations/l", True),
        ("proxy.example", "/v1/publishers/google", True),
        ("generativelanguage.googleapis.com", "", False),
        ("notaiplatform.googleapis.com", "", False),
        ("aiplatform.googleapis.com.evil.example", "", False),
        ("proxy.example", "/v1/projects", False),
    ],
)
def test_vertex_is_known_by_its_name_or_a_path_that_no_other_has(host, prefix, is_so):
    assert is_vertex(host, prefix.encode()) is is_so


@pytest.mark.parametrize(
    ("prefix", "path", "asked"),
    [
        # Express mode: Vertex' own paths stay.
        ("", f"/v1{GEMINI}", f"/v1{GEMINI}"),
        ("", f"/v1beta1{GEMINI}", f"/v1beta1{GEMINI}"),
        (
            "",
            f"/v1beta1/projects/x/locations/y{GEMINI}",
            f"/v1beta1/projects/x/locations/y{GEMINI}",
        ),
        ("", "/v1/projects/x/locations/y/models/7", "/v1/projects/x/locations/y/models/7"),
        ("", "/v1beta/models/m:generateContent", f"/v1{GEMINI}"),
        ("", "/v1/models/m:generateContent", f"/v1{GEMINI}"),
        (
            "",
            "/v1beta/models/m%3AgenerateContent",
            "/v1/publishers/google/models/m%3AgenerateContent",
        ),
        ("", "/v1beta/models", "/v1beta1/publishers/google/models"),
        ("/v1beta1", "/v1beta/models/m:generateContent", f"/v1beta1{GEMINI}"),
        ("/v1/publishers/google", "/v1beta/models/m:generateContent", f"/v1{GEMINI}"),
        ("/v1/publishers/google/models", "/v1beta/models/m:generateContent", f"/v1{GEMINI}"),
        # A project: it is the target's, whatever the client wrote.
        (PROJECT, "/v1beta/models/m:generateContent", PROJECT + GEMINI),
        (PROJECT, f"/v1beta1/projects/x/locations/y{GEMINI}", PROJECT + GEMINI),
        (PROJECT, f"/projects/x/locations/y{GEMINI}", PROJECT + GEMINI),
        (PROJECT, f"/v1{GEMINI}", PROJECT + GEMINI),
        (
            PROJECT,
            "/v1beta/openai/chat/completions",
            f"{PROJECT}/endpoints/openapi/chat/completions",
        ),
        (
            PROJECT,
            "/v1/projects/x/locations/y/endpoints/openapi/chat/completions",
            f"{PROJECT}/endpoints/openapi/chat/completions",
        ),
        (PROJECT, "/v1beta/cachedContents/7", f"{PROJECT}/cachedContents/7"),
        ("/corp" + PROJECT, "/v1beta/models/m:generateContent", "/corp" + PROJECT + GEMINI),
        (PROJECT, "/v1beta/models", "/v1beta1/publishers/google/models"),
        (PROJECT, "*", f"{PROJECT}*"),
    ],
)
def test_a_path_is_asked_for_under_the_targets_project(prefix, path, asked):
    assert vertex_path(prefix.encode(), path.encode()).decode() == asked
