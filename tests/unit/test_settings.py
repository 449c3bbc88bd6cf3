"""Settings come from the environment. Errors name the variable."""

from __future__ import annotations

import os

import pytest

from ordersaga.domain.errors import SettingsError
from ordersaga.domain.order import OrderInput, OrderPolicy
from ordersaga.settings import SERVICES, Settings, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("ORDERSAGA_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def order() -> OrderInput:
    return OrderInput.model_validate(
        {
            "order_id": "A-1",
            "customer_id": "ada",
            "items": [{"sku": "TEA-1", "quantity": 1, "price": "5.00"}],
            "shipping_address": {"street": "1 Main St", "city": "Springfield", "country": "US"},
            "payment_method_id": "pm_card_visa",
        }
    )


def refused(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """The message about an environment that cannot be read."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_without_variables_the_local_stack_is_meant() -> None:
    settings = load_settings()
    assert settings.task_queue == "orders"
    assert settings.service_urls() == {name: f"http://127.0.0.1:8001/{name}" for name in SERVICES}


def test_variables_are_read_and_an_argument_goes_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERSAGA_PAYMENT_URL", "https://pay.example:8443/")
    monkeypatch.setenv("ORDERSAGA_TASK_QUEUE", "theirs")
    settings = load_settings(task_queue="ours")
    assert settings.service_urls()["payment"] == "https://pay.example:8443"
    assert settings.task_queue == "ours"


@pytest.mark.parametrize("rate", ["600/minute", "20/second", "20 per 2 seconds"])
def test_a_rate_is_kept_as_it_is_written(monkeypatch: pytest.MonkeyPatch, rate: str) -> None:
    monkeypatch.setenv("ORDERSAGA_API_RATE", rate)
    assert load_settings().api_rate == rate


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"ORDERSAGA_{name.upper()}", "")
    assert load_settings() == Settings.model_construct()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("ORDERSAGA_FAST_PATH", "-1", "greater than or equal to 0"),
        ("ORDERSAGA_FAST_PATH", "abc", "valid number"),
        ("ORDERSAGA_FAST_PATH", "6", "less than or equal to 3"),
        ("ORDERSAGA_HTTP_TIMEOUT", "0", "greater than 0"),
        ("ORDERSAGA_STEP_DEADLINE", "inf", "less than or equal to"),
        ("ORDERSAGA_UNDO_PATIENCE", "nan", ""),
        ("ORDERSAGA_HOLD_BEFORE_SHIPPING", "2 days", "valid number"),
        ("ORDERSAGA_INVENTORY_URL", "inventory", "'inventory' is not a URL such as http://"),
        ("ORDERSAGA_SHIPPING_URL", "ftp://x", "is not a URL"),
        ("ORDERSAGA_NOTIFICATION_URL", "http://", "is not a URL"),
        ("ORDERSAGA_TEMPORAL_UI_URL", "127.0.0.1:8233", "is not a URL"),
        ("ORDERSAGA_API_RATE", "600", "'600' is not a rate such as 600/minute"),
        ("ORDERSAGA_API_RATE", "600/fortnight", "is not a rate"),
        ("ORDERSAGA_API_RATE", "0/minute", "at least one request"),
        ("ORDERSAGA_API_RATE", "600/minute;20/second", "one rate"),
    ],
)
def test_a_bad_value_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, shown: str
) -> None:
    message = refused(monkeypatch, **{name: value})
    assert f"{name}: " in message
    assert shown in message
    assert message.endswith("Nothing was started.")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ORDERSAGA_TASK_QEUE", "(perhaps ORDERSAGA_TASK_QUEUE)"),
        ("ORDERSAGA_FASTPATH", "(perhaps ORDERSAGA_FAST_PATH)"),
        ("ordersaga_paymnet_url", "(perhaps ORDERSAGA_PAYMENT_URL)"),
        ("ORDERSAGA_ZZZ", "(docs/reference/settings.md lists all)"),
    ],
)
def test_a_misspelt_variable_is_not_lost_in_silence(monkeypatch: pytest.MonkeyPatch, name: str, shown: str) -> None:
    assert f"{name}: there is no such setting {shown}" in refused(monkeypatch, **{name: "x"})


def test_every_problem_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(monkeypatch, ORDERSAGA_FAST_PATH="-1", ORDERSAGA_HTTP_TIMEOUT="0", ORDERSAGA_ZZZ="1")
    assert all(name in message for name in ("ORDERSAGA_FAST_PATH", "ORDERSAGA_HTTP_TIMEOUT", "ORDERSAGA_ZZZ"))


def test_without_overrides_the_order_keeps_its_policy(order: OrderInput) -> None:
    assert load_settings().with_policy(order) is order


def test_the_environment_fills_in_missing_values(monkeypatch: pytest.MonkeyPatch, order: OrderInput) -> None:
    monkeypatch.setenv("ORDERSAGA_FAST_PATH", "0")
    monkeypatch.setenv("ORDERSAGA_STEP_DEADLINE", "7")
    settings = load_settings()
    assert settings.with_policy(order).policy == OrderPolicy(fast_path=0, step_deadline=7)
    own = order.model_copy(update={"policy": OrderPolicy(fast_path=1, undo_patience=3)})
    assert settings.with_policy(own).policy == OrderPolicy(fast_path=1, undo_patience=3, step_deadline=7)


def test_the_orders_values_take_precedence_even_if_they_are_the_default(
    monkeypatch: pytest.MonkeyPatch, order: OrderInput
) -> None:
    monkeypatch.setenv("ORDERSAGA_FAST_PATH", "0")
    own = order.model_copy(update={"policy": OrderPolicy(fast_path=OrderPolicy().fast_path)})
    policy = load_settings().with_policy(own).policy
    assert policy is not None
    assert policy.fast_path == OrderPolicy().fast_path


def test_filling_the_policy_changes_nothing_else(monkeypatch: pytest.MonkeyPatch, order: OrderInput) -> None:
    monkeypatch.setenv("ORDERSAGA_HOLD_BEFORE_SHIPPING", "60")
    filled = load_settings().with_policy(order)
    assert filled.same_content(order)
    assert order.policy is None
