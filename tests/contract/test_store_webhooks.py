"""Webhooks of the simulated store: registered by the API or the settings, and really sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from support.receiver import Receiver, receiver
from support.servers import simulated_store
from support.service_steps import place_order
from support.shopper import MUG, Store
from support.waiting import wait_for

from cartproxy.cli import main

Api = Callable[..., requests.Response]
ORDER = {"CustomerID": 1, "BillingPaymentMethodID": "1", "OrderItemList": [{"CatalogID": MUG}]}


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


def events(received: Receiver) -> list[str]:
    return sorted(headers["X-Sandbox-Event"] for _, headers, _ in received.posts)


def test_every_documented_event_is_sent_with_its_record(
    api: Api, store: Store, hooks: Receiver
) -> None:
    store.set(webhook_url=hooks.url)

    order_id = api("POST", "/Orders?bypassorderprocessing=1", ORDER).json()[0]["Value"]
    api("PUT", f"/Orders/{order_id}", {"OrderStatusID": 4})
    shipped = api("GET", f"/Orders/{order_id}").json()
    api("PUT", f"/Orders/{order_id}", {"InternalComments": "no event"})
    api("POST", "/Customers", {"Email": "a@shopper.example"})
    product_id = api("POST", "/Products", {"SKUInfo": {"SKU": "A", "Name": "A"}}).json()[0]["Value"]
    api("PUT", f"/Products/{product_id}", {"SKUInfo": {"Stock": 4}})
    api("DELETE", f"/Products/{product_id}")

    hooks.wait_for(7)
    assert events(hooks) == [
        "Customer New",
        "Order New",
        "Order Status Changed",
        "Product Changed",
        "Product Deleted",
        "Product New",
        "Product Stock Changed",
    ]
    bodies = {headers["X-Sandbox-Event"]: body for _, headers, body in hooks.posts}
    assert bodies["Order Status Changed"] == shipped
    assert [each["Email"] for each in bodies["Customer New"]] == ["a@shopper.example"]


def test_webhook_of_the_api_gets_only_its_event(api: Api, store: Store, hooks: Receiver) -> None:
    sent = {"Name": "mine", "Url": f"{hooks.url}/mine?s=1", "EventType": 1, "Format": "JSON",
            "Enabled": 1}  # fmt: skip
    (envelope,) = api("POST", "/Webhooks", sent).json()
    off = api("POST", "/Webhooks", sent | {"Enabled": False, "Url": f"{hooks.url}/off"})
    key = api("POST", "/Cart", {}).json()[0]["Value"]
    api("POST", f"/Cart/{key}/Item", {"CatalogID": MUG, "ItemQuantity": 1})

    place_order(api("GET", f"/Cart/{key}").json()[0]["CheckoutURL"])

    ((path, _, (order,)),) = hooks.wait_for(1)
    assert (envelope["Key"], off.status_code) == ("Id", 201)
    assert path == "/mine?s=1"
    assert key in order["ContinueURL"]
    (webhook,) = api("GET", f"/Webhooks/{envelope['Value']}").json()
    assert webhook == sent | {"Id": int(envelope["Value"]), "Enabled": True}
    for wrong in ({"EventType": 99}, {"Format": "YAML"}, {"Url": "x" * 1001}, {"Name": None}):
        assert api("POST", "/Webhooks", sent | wrong).status_code == 400
    assert api("DELETE", f"/Webhooks/{envelope['Value']}").status_code == 200


def test_webhook_that_fails_is_tried_again(api: Api, store: Store, hooks: Receiver) -> None:
    hooks.answer = lambda path, body: (200 if len(hooks.posts) else 500, {})
    store.set(webhook_url=hooks.url)

    api("POST", "/Customers", {"Email": "a@shopper.example"})

    hooks.wait_for(2)

    def statuses() -> list[int]:
        tries = requests.get(f"{store.url}/_sandbox/webhooks", timeout=60).json()
        return [each["status"] for each in tries if each["url"] == hooks.url]

    wait_for(lambda: statuses() == [500, 200], "both attempts are recorded")


@pytest.mark.parametrize("profile", ['{"get_status": 500}', '{"colour": 1}', "[]", "no JSON"])
def test_profile_that_means_nothing_is_refused(
    tmp_path: Path, profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "profile.json"
    file.write_text(profile)

    assert main(["sandbox", "--profile", str(file)]) == 78
    assert capsys.readouterr().err


def test_store_starts_with_a_profile_and_a_webhook(hooks: Receiver, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"get_status": 201, "empty_list": "absent"}')

    with simulated_store("--profile", str(profile), "--webhook", hooks.url) as url:
        store = Store(url)
        store.set(get_status=200, webhook_url=None)
        store.reset()
        settings = requests.get(f"{url}/_sandbox/settings", timeout=60).json()

    assert (settings["get_status"], settings["empty_list"]) == (201, "absent")
    assert settings["webhook_url"] == hooks.url
