"""The clients: how each is pointed at the gateway, and what it cannot be asked.

The rows of docs/CLIENTS.md are those of this table (`tests/clients/test_rows.py`), and
`make test-clients` runs each client with what its row says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

# The gateway as docs/CLIENTS.md writes it; a run puts its own in the place.
GATEWAY = "http://127.0.0.1:8080"
# What people type after the address, besides what it says.
TYPED_FOR_OPENAI = (
    *("", "/v1", "/v1beta/openai", "/", "/v1/", "/v1beta/openai/"),
    *("/openai/v1", "/openai", "/api/v1", "/v1beta"),
)
# There a list of models has Google's own path, and so Google's shape.
NO_LIST = "/v1beta"
TYPED_FOR_GEMINI = ("", "/v1", "/v1beta", "/", "/v1beta/")

NO_MODEL_LIST = "has no call for it"


@dataclass(frozen=True)
class ClientRow:
    """`setting`: the line of code, or the command, that docs/CLIENTS.md shows.

    `environment`: variables that do the same, for clients that read some. `lacks`: what it cannot
    be asked, and why. `virtualenv`: whose packages a program in Python has. `is_command`: each
    question starts a process, which takes seconds. `newest_python`: with a newer one it is not
    installed, and not tried.
    """

    name: str
    program: str
    speaks: str
    setting: str
    environment: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    package: str = ""
    is_command: bool = False
    newest_python: tuple[int, int] | None = None
    virtualenv: str = "python"

    @property
    def url(self) -> str:
        """The base URL, as docs/CLIENTS.md writes it."""
        found = re.search(rf"{GATEWAY}(?:/v1beta|/v1)?", self.setting)
        assert found, self.name
        return found[0]

    @property
    def typed(self) -> tuple[str, ...]:
        """A command, whose every question takes seconds, is tried with the first few.

        curl has no base URL: nobody writes a slash before the path's own.
        """
        most = TYPED_FOR_OPENAI if self.speaks == "openai" else TYPED_FOR_GEMINI
        if self.package == "curl":
            return tuple(typed for typed in most if typed == "/" or not typed.endswith("/"))
        return most[:3] if self.is_command else most


OPENAI = "openai"
GEMINI = "gemini"
OPENAI_VARIABLES = {"OPENAI_BASE_URL": f"{GATEWAY}/v1", "OPENAI_API_KEY": "any"}
GEMINI_VARIABLES = {"GOOGLE_GEMINI_BASE_URL": GATEWAY, "GEMINI_API_KEY": "any"}

CLIENTS = [
    ClientRow(
        "openai (Python)",
        "openai_python",
        OPENAI,
        f'OpenAI(base_url="{GATEWAY}/v1", api_key="any")',
        OPENAI_VARIABLES,
        package="openai",
    ),
    ClientRow(
        "openai (JS)",
        "openai_js.mjs",
        OPENAI,
        f'new OpenAI({{ baseURL: "{GATEWAY}/v1", apiKey: "any" }})',
        OPENAI_VARIABLES,
        package="openai",
    ),
    ClientRow(
        "google-genai (Python)",
        "genai_python",
        GEMINI,
        f'genai.Client(api_key="any", http_options={{"base_url": "{GATEWAY}"}})',
        GEMINI_VARIABLES,
        package="google-genai",
    ),
    ClientRow(
        "google-genai (Python, async)",
        "genai_python_async",
        GEMINI,
        f'genai.Client(api_key="any", http_options={{"base_url": "{GATEWAY}"}}).aio',
        GEMINI_VARIABLES,
        package="google-genai",
    ),
    ClientRow(
        "google-genai (JS)",
        "genai_js.mjs",
        GEMINI,
        f'new GoogleGenAI({{ apiKey: "any", httpOptions: {{ baseUrl: "{GATEWAY}" }} }})',
        GEMINI_VARIABLES,
        package="@google/genai",
    ),
    ClientRow(
        "Gemini CLI",
        "gemini_cli",
        GEMINI,
        f"GOOGLE_GEMINI_BASE_URL={GATEWAY} GEMINI_API_KEY=any gemini",
        GEMINI_VARIABLES,
        {
            "chat": "always streams",
            "embed": "embeds nothing",
            "models": "has a list of its own",
        },
        package="@google/gemini-cli",
        is_command=True,
    ),
    ClientRow(
        "AI SDK, `@ai-sdk/google`",
        "ai_sdk_google.mjs",
        GEMINI,
        f'createGoogleGenerativeAI({{ baseURL: "{GATEWAY}/v1beta", apiKey: "any" }})',
        {},
        {"models": NO_MODEL_LIST},
        package="@ai-sdk/google",
    ),
    ClientRow(
        "AI SDK, `@ai-sdk/openai-compatible`",
        "ai_sdk_openai.mjs",
        OPENAI,
        f'createOpenAICompatible({{ name: "gateway", baseURL: "{GATEWAY}/v1", apiKey: "any" }})',
        {},
        {"models": NO_MODEL_LIST},
        package="@ai-sdk/openai-compatible",
    ),
    ClientRow(
        "LangChain, `langchain-google-genai`",
        "langchain_google",
        GEMINI,
        f'ChatGoogleGenerativeAI(model="…", base_url="{GATEWAY}", api_key="any")',
        {"GOOGLE_GEMINI_BASE_URL": GATEWAY, "GOOGLE_API_KEY": "any"},
        {"models": NO_MODEL_LIST},
        package="langchain-google-genai",
    ),
    ClientRow(
        "LangChain, `langchain-openai`",
        "langchain_to_openai",
        OPENAI,
        f'ChatOpenAI(model="…", base_url="{GATEWAY}/v1", api_key="any")',
        OPENAI_VARIABLES,
        {"models": NO_MODEL_LIST},
        package="langchain-openai",
    ),
    ClientRow(
        "LiteLLM, `gemini/…`",
        "litellm_gemini",
        GEMINI,
        f'completion(model="gemini/…", api_base="{GATEWAY}/v1beta", api_key="any")',
        {"GEMINI_API_BASE": f"{GATEWAY}/v1beta", "GEMINI_API_KEY": "any"},
        package="litellm",
    ),
    ClientRow(
        "LiteLLM, `openai/…`",
        "litellm_openai",
        OPENAI,
        f'completion(model="openai/…", api_base="{GATEWAY}/v1", api_key="any")',
        OPENAI_VARIABLES,
        package="litellm",
    ),
    ClientRow(
        "pydantic-ai, `GoogleModel`",
        "pydantic_ai_google",
        GEMINI,
        f'GoogleProvider(base_url="{GATEWAY}", api_key="any")',
        {"GOOGLE_GEMINI_BASE_URL": GATEWAY, "GOOGLE_API_KEY": "any"},
        {"models": NO_MODEL_LIST},
        package="pydantic-ai-slim",
        virtualenv="pydantic-ai",
    ),
    ClientRow(
        "pydantic-ai, `OpenAIChatModel`",
        "pydantic_ai_openai",
        OPENAI,
        f'OpenAIProvider(base_url="{GATEWAY}/v1", api_key="any")',
        OPENAI_VARIABLES,
        {"models": NO_MODEL_LIST},
        package="pydantic-ai-slim",
        virtualenv="pydantic-ai",
    ),
    ClientRow(
        "aider",
        "aider_chat",
        OPENAI,
        f"aider --model openai/… --openai-api-base {GATEWAY}/v1 --openai-api-key any",
        {"OPENAI_API_BASE": f"{GATEWAY}/v1", "OPENAI_API_KEY": "any"},
        {"embed": "embeds nothing", "models": "has a list of its own"},
        package="aider-chat",
        is_command=True,
        newest_python=(3, 12),
        virtualenv="aider",
    ),
    ClientRow(
        "curl, OpenAI's paths",
        "curl_openai",
        OPENAI,
        f"curl {GATEWAY}/v1/chat/completions -H 'content-type: application/json' -d …",
        package="curl",
    ),
    ClientRow(
        "curl, Gemini's own paths",
        "curl_native",
        GEMINI,
        f"curl {GATEWAY}/v1beta/models/…:generateContent -H 'content-type: application/json' -d …",
        package="curl",
    ),
]


def another_program(program: str, of: str) -> ClientRow:
    """`of`: the program that says how the client is pointed at the gateway."""
    [client] = [each for each in CLIENTS if each.program == of]
    return replace(client, program=program)


@dataclass(frozen=True)
class FormRow:
    """A client that is set up in a form of its own, and that no test can start."""

    name: str
    speaks: str
    fields: str


URLS = {OPENAI: "/v1", GEMINI: ""}
FIELDS = [
    FormRow(
        "Roo Code, Cline, Kilo Code: *OpenAI Compatible*",
        OPENAI,
        f"Base URL `{GATEWAY}/v1`, API key `any`, the model by its name",
    ),
    FormRow(
        "Roo Code, Cline: *Google Gemini*",
        GEMINI,
        f"*Use custom base URL* `{GATEWAY}`, API key `any`",
    ),
    FormRow(
        "Open WebUI: *Connections*, *OpenAI API*",
        OPENAI,
        f"URL `{GATEWAY}/v1` (from its container: the host's name, and a client token), key `any`",
    ),
    FormRow(
        "Continue: `provider: openai`",
        OPENAI,
        f"`apiBase:` `{GATEWAY}/v1`, `apiKey: any`",
    ),
]
