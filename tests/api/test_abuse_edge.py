"""Attacks without a key, and resource limits: who gets access, how much, and what the server reveals.

Grouped by the OWASP API Security Top 10 of 2023. Attacks with a key on other people's orders are in test_abuse.py.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest

from ordersaga.settings import Settings
from ordersaga.web.access import Scope, append_key, new_key
from ordersaga.web.reads import Reads
from tests.api.harness import Api, serving, wire
from tests.api.wire import as_process, spoken
from tests.workflow.environment import OrderEnvironment, until

Guarded = dict[str, Api]

# -- API2 Broken Authentication


@pytest.mark.parametrize(
    "form",
    [
        *("Bearer", "Bearer ", "{key}", "bearer: {key}", "Token {key}", "Basic {key}", "Bearer {key}x"),
        *("Bearer {short}", "Bearer {upper}", "Bearer {key} {key}", "Bearer {key},x", "Bearer \xff{key}"),
        *("Bearer {sha}", "Bearer " + "A" * 9_000),
    ],
)
async def test_only_the_key_itself_lets_in(
    guarded: Guarded, secrets: dict[str, str], keys_file: Path, form: str
) -> None:
    key = secrets["operator"]
    sha = hashlib.sha256(key.encode()).hexdigest()
    assert sha in await asyncio.to_thread(keys_file.read_text)
    line = "Authorization: " + form.format(key=key, short=key[:-1], upper=key.upper(), sha=sha)
    answer = await spoken(guarded["nobody"], "/v1/orders", "GET", b"", line)
    answer.problem(401, "Unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_is_taken_from_its_header_only(guarded: Guarded, secrets: dict[str, str]) -> None:
    key = secrets["operator"]
    for query in (f"key={key}", f"api_key={key}", f"access_token={key}", f"authorization=Bearer%20{key}"):
        (await guarded["nobody"].get(f"/v1/orders?{query}")).problem(401, "Unauthorized")
    for line in (f"Cookie: key={key}", f"X-API-Key: {key}", f"Proxy-Authorization: Bearer {key}"):
        (await spoken(guarded["nobody"], "/v1/orders", "GET", b"", line)).problem(401, "Unauthorized")
    for line in (f"authorization: bearer {key}", f"AUTHORIZATION: BEARER {key}"):
        assert (await spoken(guarded["nobody"], "/v1/orders", "GET", b"", line)).status == 200, "names have no case"


async def test_a_key_gets_into_no_log_no_metric_and_no_answer(settings: Settings, address: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    secret, entry = new_key("shop", [Scope.READ, Scope.WRITE])
    append_key(file, entry)
    env = {"TEMPORAL_ADDRESS": address, "ORDERSAGA_API_KEYS": str(file), "ORDERSAGA_API_RATE": "20/minute"}
    env |= {f"ORDERSAGA_{name.upper()}_URL": url for name, url in settings.service_urls().items()}
    async with serving(settings, target_host=address) as plain, as_process(plain, env) as (api, process):
        mine, wrong = api.with_key(secret), api.with_key(secret + "x")
        answers = [await each.get(path) for each in (mine, wrong) for path in ("/v1/orders", "/metrics", f"/{secret}")]
        answers += [await mine.get(f"/v1/orders?cursor={secret}"), await mine.post(f"/v1/orders/{secret}/cancel", {})]
        answers += [await mine.place({"order_id": 1}), await mine.get("/metrics")]
        answers += [await mine.get("/v1/orders") for _ in range(20)]
        assert {answer.status for answer in answers} >= {200, 401, 404, 422, 429}
        for answer in answers:
            assert "server" not in answer.headers
            assert secret not in str(answer.headers)
        assert secret not in "".join(answer.text for answer in answers if "There is no order" not in answer.text)
        guesses = [await api.with_key(f"{n}").get("/v1/orders", X_Forwarded_For=f"203.0.113.{n}") for n in range(25)]
        assert guesses[-1].status == 429, "an address is not what a header says"
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0, err
    assert secret not in out + err
    assert secret not in file.read_text()
    assert "Traceback" not in err


# -- API4 Unrestricted Resource Consumption


async def test_a_rate_limited_client_waits_exactly_as_long_as_requested(settings: Settings, address: str) -> None:
    slow = settings.model_copy(update={"api_rate": "4/2 seconds"})
    async with serving(slow, target_host=address) as api:
        answers = [await api.get("/v1/orders") for _ in range(12)]
        refused = [answer for answer in answers if answer.status == 429]
        assert len(refused) >= 4
        wait = int(refused[-1].headers["retry-after"])
        assert 1 <= wait <= 4
        received = monotonic() + wait
        await asyncio.sleep(wait)
        answer = await api.get("/v1/orders")
        assert answer.status == 200, (
            f"received to wait {wait} s, and {monotonic() - received:.1f} s later: {answer.text}"
        )


@pytest.mark.parametrize("kind", ["length", "chunked", "expect", "lie"])
async def test_a_body_too_long_is_not_taken(guarded: Guarded, kind: str) -> None:
    if kind == "chunked":

        async def parts() -> Any:
            for _ in range(20):
                yield b"x" * 100_000

        headers = guarded["shop"].headers | {"Content-Type": "application/json"}
        async with guarded["shop"].session.post(
            guarded["shop"].url + "/v1/orders", data=parts(), headers=headers
        ) as response:
            assert response.status == 413
        return
    lines = ["Content-Type: application/json", f"Content-Length: {10**12 if kind == 'lie' else 1_000_001}"]
    if kind == "length":
        answer = await guarded["shop"].call("POST", "/v1/orders", raw=b" " * 1_000_001)
    else:
        answer = await spoken(guarded["shop"], "/v1/orders", "POST", b"", *lines, "Expect: 100-continue")
    assert "1,000,000 bytes" in answer.problem(413, "BodyTooLong")["detail"]


@pytest.mark.parametrize("route", ["/v1/orders", "/v1/orders/nobody/cancel", "/v1/worklist/nobody/decisions"])
async def test_a_body_that_is_too_deep_or_has_a_duplicate_key_is_rejected(guarded: Guarded, route: str) -> None:
    bodies = [b"[" * 400_000, b'{"a":' * 150_000, b'{"reason":' + b"[" * 900 + b"]" * 900 + b"}"]
    bodies += [b'{"reason":"a","reason":"b"}', b'{"a":{"b":1,"b":2}}', b'{"n":' + b"9" * 5_000 + b"}", b'{"a":\x00}']
    bodies += [b'"text"', b"null", b"1", b'{"a":1}{"b":2}', b"\xef\xbb\xbf{}", '{"a":"b"}'.encode("utf-16"), b"{'a':1}"]
    bodies += [b'{"a":1e99999999999999999999}', b'{"a":NaN}', b'{"a":-Infinity}']
    for body in bodies:
        answer = await guarded["operator"].call("POST", route, raw=body)
        answer.problem(422, "InvalidOrder" if answer.json["type"] == "InvalidOrder" else "InvalidRequest")
    for kind in (
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "",
        "*/*",
    ):
        (await guarded["operator"].call("POST", route, raw=b"{}", Content_Type=kind)).problem(
            415, "UnsupportedMediaType"
        )


async def test_a_half_sent_request_keeps_nobody_waiting(guarded: Guarded, env: OrderEnvironment, order_id: str) -> None:
    place = urlsplit(guarded["shop"].url)
    head = f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: {guarded['shop'].headers['Authorization']}\r\n"
    whole = f"{head}Content-Type: application/json\r\nContent-Length: 500\r\n\r\n" + '{"order_id": '
    writers = []
    try:
        for n in range(60):
            _, writer = await asyncio.open_connection(place.hostname, place.port)
            writers.append(writer)
            writer.write((whole if n % 2 else head[:60]).encode())
        document = wire(await env.order(order_id))
        async with asyncio.timeout(15):
            assert (await guarded["shop"].place(document, Prefer="wait=10")).status == 200
            assert (await guarded["shop"].get("/v1/orders")).status == 200
    finally:
        for writer in writers:
            writer.close()


async def test_one_key_with_all_its_streams_open_takes_none_of_anothers(
    guarded: Guarded, env: OrderEnvironment, order_id: str
) -> None:
    held = wire(await env.order(order_id, customer_id="ada", policy={"hold_before_shipping": 300}))
    await guarded["operator"].place(held)
    path = f"/v1/orders/{order_id}/events"
    async with AsyncExitStack() as stack:
        for _ in range(20):
            get = guarded["ada"].session.get(guarded["ada"].url + path, headers=guarded["ada"].headers)
            assert (await stack.enter_async_context(get)).status == 200
        (await guarded["ada"].get(path)).problem(429, "TooManyRequests")
        get = guarded["reader"].session.get(guarded["reader"].url + path, headers=guarded["reader"].headers)
        async with get as other:
            assert other.status == 200
        assert (await guarded["ada"].get(f"/v1/orders/{order_id}")).status == 200
        assert (await guarded["ada"].post(f"/v1/orders/{order_id}/cancel")).status == 200


# -- API8 Security Misconfiguration


async def test_cors_allows_no_other_site(guarded: Guarded, api: Api) -> None:
    for each in (api, guarded["shop"]):
        for method in ("OPTIONS", "GET"):
            lines = ("Origin: https://evil.example", "Access-Control-Request-Method: POST")
            answer = await spoken(each, "/v1/orders", method, b"", *lines)
            assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "0x7f.1.evil", ""]
)
async def test_without_keys_a_foreign_name_or_page_is_refused_on_every_route(api: Api, host: str) -> None:
    for target in ("/", "/v1/orders", "/v1/orders/x", "/v1/worklist", "/metrics", "/healthz", "/openapi.json"):
        (await spoken(api, target, "GET", b"", f"Host: {host}")).problem(403, "Forbidden")
        trusted = f"X-Forwarded-Host: {urlsplit(api.url).netloc}"
        (await spoken(api, target, "GET", b"", f"Host: {host}", trusted)).problem(403, "Forbidden")
    for line in ("Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"):
        for target in ("/v1/orders", "/v1/orders/x/cancel", "/v1/worklist/x/decisions"):
            (await spoken(api, target, "POST", b"{}", line)).problem(403, "Forbidden")


async def test_no_error_reveals_internals(
    guarded: Guarded, settings: Settings, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(Reads, "worklist", broken)
    async with serving(settings, target_host=address) as api:
        answer = await api.get("/v1/worklist")
        answer.problem(500, "about:blank")
        assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
        monkeypatch.undo()
        counted = (await api.get("/metrics")).text
    assert 'ordersaga_http_requests_total{method="GET",route="/v1/worklist",status="500"} 1.0' in counted
    answers = [answer, await guarded["shop"].get("/v1/nothing"), await guarded["shop"].place({"order_id": {}})]
    answers += [await guarded["shop"].call("PUT", "/v1/orders"), await guarded["nobody"].get("/v1/orders")]
    for each in answers:
        assert each.status >= 400
        for inside in ("secret of the inside", "Traceback", ".py", "site-packages", str(Path.home()), "pydantic"):
            assert inside not in each.text


async def test_without_a_key_no_addresses_are_revealed(
    settings: Settings, address: str, keys_file: Path, secrets: dict[str, str]
) -> None:
    away = settings.model_copy(
        update={"api_keys": str(keys_file), "payment_url": "http://user:pass@127.0.0.1:1/payment"}
    )
    assert secrets
    async with serving(away, target_host=address) as api:
        received = await api.get("/readyz")
        assert received.json["services"]["payment"] is False
        for secret in ("127.0.0.1", "user", "pass", "http:"):
            assert secret not in received.text
    async with serving(away, target_host="127.0.0.1:1") as api:
        received = await api.get("/readyz")
        assert "Temporal" in received.problem(503, "ServiceUnavailable")["detail"]
        assert "127.0.0.1" not in received.text


async def test_a_number_of_streams_that_end_badly_leaves_none_counted(guarded: Guarded, order_id: str) -> None:
    async def asked() -> int:
        return (await guarded["reader"].get(f"/v1/orders/{order_id}-no/events")).status

    assert {await asked() for _ in range(45)} == {404}, "those that are refused are not open"
    await until(asked)
