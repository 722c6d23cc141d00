"""Random exchanges, each a client's part and an upstream's, that two gateways take alike."""

import json
import random
from collections.abc import Callable

from tests.support import gear_answers as answers
from tests.support import gear_clients as clients
from tests.support.fake_gemini import EVENT_STREAM, JSON
from tests.support.gear_draw import Draw, GearExchange

EMPTY = json.dumps(
    {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]}
).encode()
TEXT = json.dumps({"text": "a small answer"}).encode()
# Refusals of a day or of a model that no other exchange names: none ends while the test runs.
REFUSALS = [
    (429, "429_free_rpd_25_short_delay"),
    (429, "429_free_rpm_10_msg_without_model"),
    (429, "429_exceeded_no_details"),
    (429, "429_paid_tpm_1000000"),
    (400, "400_location"),
    (403, "403_file_other_key"),
    (403, "403_service_disabled"),
    (404, "404_model_not_found"),
    (400, "openai_400_multiple_credentials"),
    (499, "499_cancelled"),
]
TROUBLES = [(500, "500_internal"), (503, "503_model_overloaded"), (503, "503_high_demand")]
STREAMS = [
    "stream_200_first_event_is_429",
    "stream_200_starts_with_bare_503",
    "midstream_503_raw_tail",
]


def usual(draw: Draw) -> GearExchange:
    listed = draw.other("GET", "/v1beta/models")
    request = draw.chance.choice([draw.generate(), draw.stream(), draw.chat(), listed])
    return draw.of(clients.asks(request))


def chat_stream(draw: Draw) -> GearExchange:
    return draw.of(clients.asks(draw.chat(is_stream=True)))


def stream_with_pauses(draw: Draw) -> GearExchange:
    return draw.of(clients.asks(draw.stream()), answers.events(draw.chance.randrange(1, 6), 0.005))


def zipped(draw: Draw) -> GearExchange:
    return draw.of(clients.asks(draw.generate()), answers.zipped())


def in_small_pieces(draw: Draw) -> GearExchange:
    sizes = [draw.chance.randrange(1, 40) for _ in range(5)]
    body = json.dumps({"candidates": [{"content": {"parts": [{"text": "x" * 200}]}}]}).encode()
    headers = draw.chance.choice([EVENT_STREAM, JSON])
    return draw.of(clients.asks(draw.any_call()), answers.in_pieces(body, sizes, 0.002, headers))


def byte_by_byte(draw: Draw) -> GearExchange:
    return draw.of(clients.asks(draw.any_call()), answers.byte_by_byte(200, TEXT))


def without_length(draw: Draw) -> GearExchange:
    return draw.of(clients.asks(draw.other()), answers.without_length(TEXT * 9, 0.005))


def without_body(draw: Draw) -> GearExchange:
    status = draw.chance.choice([204, 304, 200])
    method = "HEAD" if status == 200 else draw.chance.choice(["GET", "DELETE"])
    headers = [("ETag", '"a"'), ("X-Repeated", "1"), ("X-Repeated", "2")]
    return draw.of(clients.asks(draw.other(method)), answers.whole(status, TEXT, headers))


def redirect(draw: Draw) -> GearExchange:
    headers = [("Location", "https://example.org/?a=b"), *JSON]
    return draw.of(clients.asks(draw.other()), answers.whole(302, b"{}", headers))


def large_answer(draw: Draw) -> GearExchange:
    request = draw.other()
    client = clients.asks(request) if draw.flip() else clients.reads_slowly(request)
    return draw.of(client, answers.large(2_000_000, is_chunked=draw.flip()))


def long_body(draw: Draw) -> GearExchange:
    """Held in memory, or on disk."""
    size = draw.chance.choice([20_000, 400_000, 1_500_000])
    request = draw.upload(size)
    sizes = [draw.chance.randrange(1, size // 4) for _ in range(3)]
    client = clients.uploads(request, sizes, 0.003, is_chunked=draw.flip(), is_asked=draw.flip())
    refusal = answers.refused(*draw.chance.choice(REFUSALS[1:3]))
    return draw.of(client, *([refusal] if draw.flip() else []), answers.whole(200, TEXT))


def answered_before_its_body(draw: Draw) -> GearExchange:
    request = draw.upload(300_000, "/early/x")
    client = clients.uploads(request, [1000], 0.0, is_chunked=False, is_asked=False)
    return draw.of(client, answers.before_the_body(413, b'{"error": {"message": "long"}}'))


def pipelined(draw: Draw) -> GearExchange:
    requests = [draw.any_call() for _ in range(draw.chance.randrange(2, 5))]
    return draw.of(clients.asks(*requests, is_pipelined=draw.flip()), answers.whole(200, TEXT))


def old_http(draw: Draw) -> GearExchange:
    handler = draw.chance.choice([answers.whole(200, TEXT), answers.events(3, 0.002)])
    return draw.of(clients.of_http_1_0(draw.any_call()), handler)


def refused_at_first(draw: Draw) -> GearExchange:
    """Of a model of its own, so that the others' keys stay."""
    draw.model = f"gemini-refused-{draw.number}"
    refusals = [
        answers.refused(*draw.chance.choice(REFUSALS)) for _ in range(draw.chance.randrange(1, 3))
    ]
    request = draw.chance.choice([draw.generate, draw.stream, draw.chat])()
    return draw.of(clients.asks(request), *refusals, answers.whole(200, TEXT))


def refused_by_all(draw: Draw) -> GearExchange:
    draw.model = f"gemini-spent-{draw.number}"
    request = draw.chance.choice([draw.generate, draw.stream])()
    refusal = answers.refused(*draw.chance.choice(REFUSALS[:4]))
    return draw.of(clients.asks(request, request), refusal)


def in_trouble(draw: Draw) -> GearExchange:
    trouble = answers.refused(*draw.chance.choice(TROUBLES))
    return draw.of(clients.asks(draw.generate()), trouble, answers.whole(200, TEXT))


def false_success(draw: Draw) -> GearExchange:
    draw.model = f"gemini-false-{draw.number}"
    name = draw.chance.choice(STREAMS)
    good = answers.events(2, 0.0)
    return draw.of(clients.asks(draw.stream()), answers.recorded_stream(name), good)


def empty(draw: Draw) -> GearExchange:
    handlers = [answers.whole(200, EMPTY)] * draw.chance.randrange(1, 4)
    return draw.of(clients.asks(draw.generate()), *handlers, answers.whole(200, TEXT))


def broken_off(draw: Draw) -> GearExchange:
    start = draw.chance.choice(
        [b"", b"HTTP/1.1 200 O", answers.half_of(TEXT), answers.half_of(TEXT, EVENT_STREAM)]
    )
    return draw.of(
        clients.asks(draw.any_call()), answers.breaking_off(start, with_reset=draw.flip())
    )


def kept_connection_ends(draw: Draw) -> GearExchange:
    """The first request leaves a connection, on which the second is dropped once."""
    drop = answers.breaking_off(b"", with_reset=draw.flip())
    well = answers.whole(200, TEXT)
    return draw.of(clients.asks(draw.other(), draw.other()), well, drop, well)


def connection_closed(draw: Draw) -> GearExchange:
    return draw.of(
        clients.asks(draw.any_call(), draw.any_call()), answers.last_on_its_connection(TEXT)
    )


def left_early(draw: Draw) -> GearExchange:
    request = draw.generate()
    leave = clients.leaves_before_its_request_is_whole
    return draw.of(leave(request, with_reset=draw.flip()))


def left_before_the_answer(draw: Draw) -> GearExchange:
    request = draw.any_call()._replace(token="")
    leave = clients.leaves_before_the_answer
    return draw.of(leave(request, with_reset=draw.flip()), answers.silent())


def left_in_the_answer(draw: Draw) -> GearExchange:
    request = draw.stream()._replace(target=f"/v1beta/models/{draw.model}:streamGenerateContent")
    leave = clients.leaves_in_the_answer
    return draw.of(
        leave(request._replace(token=""), until=b"event 2", with_reset=draw.flip()),
        answers.events(2, 0.0, is_left=True),
    )


def unknown_group(draw: Draw) -> GearExchange:
    return draw.of(clients.asks(draw.other("GET", "/g/nobody/v1beta/models")))


def loop(draw: Draw) -> GearExchange:
    marks = ", ".join(["0123456789abcdef"] * 8)
    request = draw.any_call()._replace(headers=(("x-gateway-hop", marks),))
    return draw.of(clients.asks(request))


def bad_request(draw: Draw) -> GearExchange:
    broken = draw.chance.choice([b"{", b"\xff", b""])
    return draw.of(clients.asks(draw.generate()._replace(body=broken)))


KINDS: dict[Callable[[Draw], GearExchange], int] = {
    usual: 8,
    chat_stream: 2,
    stream_with_pauses: 3,
    zipped: 2,
    in_small_pieces: 3,
    byte_by_byte: 2,
    without_length: 2,
    without_body: 3,
    redirect: 1,
    large_answer: 2,
    long_body: 4,
    answered_before_its_body: 2,
    pipelined: 4,
    old_http: 2,
    refused_at_first: 6,
    refused_by_all: 2,
    in_trouble: 1,
    false_success: 3,
    empty: 3,
    broken_off: 3,
    kept_connection_ends: 2,
    connection_closed: 2,
    left_early: 2,
    left_before_the_answer: 3,
    left_in_the_answer: 3,
    unknown_group: 1,
    loop: 1,
    bad_request: 1,
}


def exchanges(seed: int, count: int) -> list[GearExchange]:
    """Each kind once at least, if there are enough."""
    chance = random.Random(seed)
    kinds = list(KINDS)
    chosen = kinds + chance.choices(kinds, list(KINDS.values()), k=max(0, count - len(kinds)))
    chance.shuffle(chosen)
    return [
        kind(Draw(chance, number))._replace(kind=kind.__name__)
        for number, kind in enumerate(chosen)
    ]
