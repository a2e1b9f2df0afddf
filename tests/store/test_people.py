"""Signing in: a password once given works as it should, and guessing does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from argon2 import PasswordHasher

from model.clock import ManualClock
from store.people import (
    FAILURES_ALLOWED,
    LOCKED_FOR,
    ONE_TIME_FOR,
    SESSION_FOR,
    Accounts,
    SignIn,
    WeakPasswordError,
)
from tests.store.conftest import StoreHouse
from tests.store.words import START

GOOD = "three quiet lakes at night"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def accounts(house: StoreHouse, clock: ManualClock) -> Iterator[Accounts]:
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with closing(Accounts.open(house.folder, clock, there=house.there, hasher=quick)) as opened:
        yield opened


def test_a_one_time_password_signs_in_once(accounts: Accounts) -> None:
    password = accounts.create_one_time_password("li")
    first = accounts.sign_in("li", password)
    assert first.outcome is SignIn.MUST_CHANGE
    assert first.token is not None
    session = accounts.session(first.token)
    assert session == first.session
    assert accounts.sign_in("li", password).outcome is SignIn.WRONG


def test_a_one_time_password_is_void_after_a_day(accounts: Accounts, clock: ManualClock) -> None:
    password = accounts.create_one_time_password("li")
    clock.advance(ONE_TIME_FOR.total_seconds())
    assert accounts.sign_in("li", password).outcome is SignIn.WRONG


def test_an_own_password_works_again_and_again(accounts: Accounts) -> None:
    accounts.set_password("li", GOOD)
    assert accounts.sign_in("li", GOOD).outcome is SignIn.SIGNED_IN
    assert accounts.sign_in("li", GOOD).outcome is SignIn.SIGNED_IN
    assert accounts.has_password("li")
    assert not accounts.has_password("wu")


def test_a_short_password_is_refused(accounts: Accounts) -> None:
    with pytest.raises(WeakPasswordError, match="at least 12"):
        accounts.set_password("li", "12345678")


def test_a_new_password_ends_the_sessions_of_the_old_one(accounts: Accounts) -> None:
    accounts.set_password("li", GOOD)
    token = accounts.sign_in("li", GOOD).token
    assert token is not None
    accounts.set_password("li", GOOD + "!")
    assert accounts.session(token) is None


@pytest.mark.parametrize("person", ["li", "nobody"])
def test_guessing_is_wrong_for_the_known_and_the_unknown_alike(
    accounts: Accounts, person: str
) -> None:
    accounts.set_password("li", GOOD)
    attempt = accounts.sign_in(person, "123456")
    assert (attempt.outcome, attempt.token, attempt.session) == (SignIn.WRONG, None, None)


def test_after_some_wrong_guesses_even_the_right_one_must_wait(
    accounts: Accounts, clock: ManualClock
) -> None:
    accounts.set_password("li", GOOD)
    for _ in range(FAILURES_ALLOWED):
        assert accounts.sign_in("li", "wrong").outcome is SignIn.WRONG
    assert accounts.sign_in("li", GOOD).outcome is SignIn.LOCKED
    clock.advance(LOCKED_FOR.total_seconds() + 1)
    assert accounts.sign_in("li", GOOD).outcome is SignIn.SIGNED_IN


def test_a_session_ends_by_time_by_signing_out_and_everywhere(
    accounts: Accounts, clock: ManualClock
) -> None:
    accounts.set_password("li", GOOD)
    tokens = [accounts.sign_in("li", GOOD).token or "" for _ in range(3)]
    accounts.sign_out(tokens[0])
    assert accounts.session(tokens[0]) is None
    assert accounts.session(tokens[1]) is not None
    accounts.sign_out_everywhere("li")
    assert accounts.session(tokens[2]) is None
    token = accounts.sign_in("li", GOOD).token or ""
    clock.advance(SESSION_FOR.total_seconds())
    assert accounts.session(token) is None
    assert accounts.session("never given out") is None


def test_sessions_and_passwords_survive_a_restart_and_lie_only_as_hashes(
    house: StoreHouse, clock: ManualClock
) -> None:
    with closing(Accounts.open(house.folder, clock, there=house.there)) as accounts:
        accounts.set_password("li", GOOD)
        token = accounts.sign_in("li", GOOD).token or ""
    with closing(Accounts.open(house.folder, clock, there=house.there)) as accounts:
        assert accounts.session(token) is not None
        with accounts._place.reading() as db:
            rows = [
                *db.execute("SELECT * FROM account").fetchall(),
                *db.execute("SELECT * FROM session").fetchall(),
            ]
    kept = str(rows)
    assert "$argon2id$" in kept
    assert GOOD not in kept
    assert token not in kept
