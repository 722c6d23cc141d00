"""Two gateways that are alike but for their gear, each in front of an upstream of its own."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway, group
from tests.support.gateway_database import rows
from tests.support.gateway_tokens import make_tokens
from tests.support.gear_answers import NUMBER, AnswerScripts
from tests.support.gear_clients import Seen, Side
from tests.support.gear_draw import GearExchange

CHOSEN_GEAR = ("-m", "tests.support.chosen_gear")
KEYS = ["KEY-1", "KEY-2", "KEY-3", "KEY-4", "KEY-5", "KEY-DEAD"]
DAILY = ["KEY-6", "KEY-7", "KEY-8"]
PATIENT = ["KEY-9", "KEY-10"]
BOTH = ["KEY-11", "KEY-12"]
TERMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "daily": {"requests_per_day": 5},
    "counted": {"tokens_per_day": 60},
    "expired": {"expires_at": "2020-01-01T00:00:00+00:00"},
}
COUNTS = (
    "sum(requests), sum(succeeded), sum(rate_limited), sum(client_errors), sum(upstream_errors),"
    " sum(cancelled), sum(prompt_tokens), sum(output_tokens)"
)
TABLES = {
    "keys": (
        f"SELECT key_id, model, {COUNTS} FROM proxyapp_hourlyusage"
        " GROUP BY key_id, model ORDER BY key_id, model"
    ),
    "minutes": (
        f"SELECT {COUNTS}, sum(answered), sum(answered_well), sum(no_key), sum(proxy_failed)"
        " FROM proxyapp_minuteusage"
    ),
    "tokens": (
        "SELECT name, model, sum(requests), sum(succeeded), sum(refused), sum(prompt_tokens),"
        " sum(output_tokens) FROM proxyapp_tokenusage"
        " JOIN proxyapp_clienttoken ON proxyapp_clienttoken.id = token_id"
        " GROUP BY name, model ORDER BY name, model"
    ),
    "events": (
        "SELECT kind, key_id, model, quota_id, quota_limit, client_id FROM proxyapp_ratelimitevent"
        " ORDER BY id"
    ),
}


class GearedGateway(NamedTuple):
    gateway: Gateway
    upstream: FakeUpstream
    side: Side

    def take(self, exchange: GearExchange) -> list[Seen]:
        self.side.scripts.expect(exchange.number, exchange.answers)
        return exchange.client(self.side)

    def asked(self, number: int) -> list[tuple[Any, ...]]:
        """What the upstream was asked in one exchange, in order."""
        return [
            (
                request.key,
                request.method,
                request.target,
                self._plain(request.headers),
                request.body_sha256,
                request.is_complete,
            )
            for request in list(self.upstream.requests)
            if request.value(NUMBER) == str(number)
        ]

    def _plain(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Without the upstream's port, and the gateway's own mark."""
        return [
            (name, value.replace(self.upstream.host.encode(), b"upstream"))
            for name, value in headers
            if name != b"x-gateway-hop"
        ]

    def books(self) -> dict[str, Any]:
        """After an orderly end: everything is written."""
        assert self.gateway.stop() == 0
        said = self.gateway.output()
        assert "Traceback" not in said, said
        books: dict[str, Any] = {name: rows(self.gateway, sql) for name, sql in TABLES.items()}
        for key in self.gateway.keys():
            outs = [(cooldown["model"], cooldown["reason"]) for cooldown in key["cooldowns"]]
            books[key["masked"]] = (key["state"], sorted(outs, key=str))
        return books


@contextmanager
def gear_pair(server: str, gear: str, env: Mapping[str, str]) -> Iterator[list[GearedGateway]]:
    with ExitStack() as stack, ThreadPoolExecutor(2) as threads:
        known = [*KEYS[:-1], *DAILY, *PATIENT, *BOTH]
        upstreams = [stack.enter_context(FakeUpstream(keys=known)) for _ in range(2)]
        gateways = [
            Gateway(_config(upstream), server=server, program=program, env=_environment(env, gear))
            for upstream, program in zip(upstreams, [("manage.py",), CHOSEN_GEAR], strict=True)
        ]
        for gateway in gateways:
            stack.callback(gateway.close)
        tokens = list(threads.map(_started, gateways))
        yield [
            GearedGateway(gateway, upstream, Side(gateway.url, AnswerScripts(upstream), its_tokens))
            for gateway, upstream, its_tokens in zip(gateways, upstreams, tokens, strict=True)
        ]


def _config(upstream: FakeUpstream) -> dict[str, Any]:
    aware = {"target_url": upstream.url, "auth": "google", "rate_limit_policy": "quota_aware"}
    return {
        "groups": [
            group(KEYS, name="default", **aware),
            group(DAILY, name="daily", **aware | {"rate_limit_policy": "daily"}),
            group(PATIENT, name="patient", retry_empty_answers=2, **aware),
            group(BOTH, name="both", **aware | {"auth": "both"}),
        ]
    }


def _environment(env: Mapping[str, str], gear: str) -> dict[str, str]:
    reset = datetime.now(UTC) + timedelta(hours=12)  # no day ends while a test runs
    return {
        "GEAR": gear,
        "SECRET_KEY": "two-gateways-that-know-the-same-secret-and-nothing-else",
        "ALLOW_ANONYMOUS": "true",
        "RATE_LIMIT_RESET_TIME": f"{reset:%H:%M}",
        "RATE_LIMIT_RESET_TZ": "UTC",
        **env,
    }


def _started(gateway: Gateway) -> dict[str, str]:
    """Its client tokens, made before it reads them."""
    tokens = make_tokens(gateway, TERMS)
    gateway.start()
    return tokens
