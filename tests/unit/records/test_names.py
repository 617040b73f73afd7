"""From credentials to names: bound to store and origin, by a key that can be changed."""

from __future__ import annotations

import fakeredis

from cartproxy.deadline import Deadline
from cartproxy.model.keys import Intent
from cartproxy.model.record import Record
from cartproxy.records.names import CREDENTIAL, CartNames, cart_name, draw_credential
from cartproxy.records.records import Lives, Records
from cartproxy.records.seal import Seal

ALICE = {"store": "demo", "origin": "https://blog.example", "credential": "cpt1_" + "a" * 43}


def test_name_depends_on_every_part_and_reveals_none() -> None:
    name = cart_name("pepper", **ALICE)
    others = [
        cart_name("other", **ALICE),
        cart_name("pepper", **ALICE | {"store": "demo2"}),
        cart_name("pepper", **ALICE | {"origin": "https://other.example"}),
        cart_name("pepper", **ALICE | {"credential": "cpt1_" + "b" * 43}),
    ]

    assert len({name, *others}) == 5
    assert name == cart_name("pepper", **ALICE)
    assert len(name) == 40
    assert "a" * 10 not in name


def test_drawn_credentials_are_well_formed_and_differ() -> None:
    drawn = {draw_credential() for _ in range(100)}

    assert len(drawn) == 100
    assert all(CREDENTIAL.fullmatch(each) for each in drawn)


def test_carts_made_under_the_previous_pepper_still_open() -> None:
    client = fakeredis.FakeRedis(protocol=2)
    records = Records(client, Lives(idle=99, absolute=99, lease=15, wait=1, answer=99), Seal())
    old, new = (
        CartNames(records, pepper="old"),
        CartNames(records, pepper="new", previous_pepper="old"),
    )
    with records.writing(old.name(**ALICE), Deadline.after(9), Intent()) as write:
        write.save(Record("key"), None)
    bob = ALICE | {"credential": "cpt1_" + "b" * 43}

    assert new.name(**ALICE) == old.name(**ALICE)
    assert new.name(**bob) == cart_name("new", **bob)


def test_no_cart_is_missed_while_machines_are_rotated_one_after_the_other() -> None:
    client = fakeredis.FakeRedis(protocol=2)
    records = Records(client, Lives(idle=99, absolute=99, lease=15, wait=1, answer=99), Seal())
    untouched = CartNames(records, pepper="old")
    told = CartNames(records, pepper="old", previous_pepper="new")
    swapped = CartNames(records, pepper="new", previous_pepper="old")

    for makers in ((untouched, told), (told, swapped)):
        for number, (maker, reader) in enumerate((makers, makers[::-1])):
            client.flushall()
            shopper = ALICE | {"credential": f"cpt1_{number}" + "b" * 42}
            with records.writing(maker.name(**shopper), Deadline.after(9), Intent()) as write:
                write.save(Record("key"), None)

            assert reader.name(**shopper) == maker.name(**shopper)
