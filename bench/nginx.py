"""nginx as the upstream that is no bottleneck, and as the proxy that is the limit."""

import json
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.process import CORES, LOAD_CORES, BenchProcess, free_port, running

LARGE_BYTES = 20_000_000
LARGE_PATH = "/large.bin"

TEMPLATE = """
daemon off;
master_process off;
pid {home}/pid;
error_log {home}/error.log crit;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
{servers}
}}
"""

UPSTREAM = """
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        default_type application/json;
        root {home};
        location / {{ return 200 '{answer}'; }}
        location = {large_path} {{ default_type application/octet-stream; }}
    }}
"""

PROXY = """
    upstream target {{
        {targets}
        keepalive 512; keepalive_requests 1000000000; keepalive_timeout 600s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://target;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            {more}
        }}
    }}
"""


def answer() -> str:
    """A chat completion of 0.6 KB as the Gemini API's OpenAI endpoint sends it."""
    text = (
        "Hello! How can I help you today? I can answer questions, write and explain code, "
        "summarise long texts, translate between languages, and help to plan almost anything. "
        "Tell me what you have in mind."
    )
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 12, "completion_tokens": 44, "total_tokens": 56}
    choices = [{"finish_reason": "stop", "index": 0, "message": message}]
    whole = {"id": "chatcmpl-6f1c2a9b7d5e4830", "object": "chat.completion", "created": 1760000000}
    return json.dumps(
        whole
        | {
            "model": "gemini-2.5-flash",
            "system_fingerprint": "",
            "choices": choices,
            "usage": usage,
        },
        indent=1,
    )


def find() -> str | None:
    """Debian puts it where only root's PATH looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def upstream() -> Iterator[str]:
    """Its URL: any path answers the small JSON, LARGE_PATH the 20 MB."""
    with _home() as home:
        with (home / LARGE_PATH.lstrip("/")).open("wb") as large:
            large.truncate(LARGE_BYTES)
        port = free_port()
        servers = UPSTREAM.format(port=port, home=home, answer=answer(), large_path=LARGE_PATH)
        with _running(home, servers, port, LOAD_CORES) as (url, _):
            yield url


@contextmanager
def proxy(
    target: str, cores: Collection[int], more: str = ""
) -> Iterator[tuple[str, BenchProcess]]:
    """`more`: lines of its configuration."""
    with _home() as home:
        port = free_port()
        line = f"server {target.removeprefix('http://')};"
        servers = PROXY.format(port=port, targets=line, more=more)
        with _running(home, servers, port, cores) as running_proxy:
            yield running_proxy


@contextmanager
def balancer(targets: Sequence[str]) -> Iterator[str]:
    """Its URL. It takes turns, and asks another one where nobody listens."""
    with _home() as home:
        port = free_port()
        names = [target.removeprefix("http://") for target in targets]
        lines = " ".join(f"server {name} max_fails=1 fail_timeout=1s;" for name in names)
        servers = PROXY.format(port=port, targets=lines, more="")
        with _running(home, servers, port, CORES) as (url, _):
            yield url


@contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as name:
        yield Path(name)


@contextmanager
def _running(
    home: Path, servers: str, port: int, cores: Collection[int]
) -> Iterator[tuple[str, BenchProcess]]:
    """Without a master there is one process, of this user."""
    config = home / "nginx.conf"
    config.write_text(TEMPLATE.format(home=home, servers=servers))
    command = [find() or "nginx", "-p", str(home), "-c", str(config)]
    with running(command, cores=cores) as process:
        url = f"http://127.0.0.1:{port}"
        process.wait_for(url, seconds=10)
        yield url, process
