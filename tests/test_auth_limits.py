from posesim_server.auth import Guesses, Tries, TryLimit


def test_the_eleventh_try_waits_until_the_first_is_old():
    limit = TryLimit(10, 300.0)
    assert [limit.take("anna", float(second)) for second in range(10)] == [0.0] * 10
    assert limit.take("anna", 10.0) == 290.0
    assert limit.take("anna", 300.0) == 0.0


def test_a_refused_try_does_not_prolong_the_wait():
    limit = TryLimit(1, 300.0)
    limit.take("anna", 0.0)
    assert limit.take("anna", 100.0) == 200.0
    assert limit.take("anna", 299.0) == 1.0


def test_keys_are_counted_apart():
    limit = TryLimit(1, 300.0)
    limit.take("anna", 0.0)
    assert limit.take("ben", 0.0) == 0.0


def test_the_right_password_clears_the_count():
    limit = TryLimit(1, 300.0)
    limit.take("anna", 0.0)
    limit.forget("anna")
    assert limit.take("anna", 1.0) == 0.0


def test_the_memory_of_tries_is_bounded_and_forgets_the_oldest():
    limit = TryLimit(1, 300.0, most_keys=2)
    for key in ("anna", "ben", "carl"):
        limit.take(key, 0.0)
    assert limit.take("carl", 1.0) > 0
    assert limit.take("ben", 1.0) > 0
    assert limit.take("anna", 1.0) == 0.0


def test_one_address_may_not_try_one_password_on_every_name():
    guesses = Guesses()
    waits = [guesses.take("192.0.2.1", f"user{number}", 0.0) for number in range(101)]
    assert waits == [0.0] * 100 + [300.0]
    assert guesses.take("192.0.2.2", "user0", 0.0) == 0.0


def test_what_an_address_may_try_is_in_proportion_to_what_an_operator_allows():
    assert Tries.allowing(10, 20.0) == Tries()
    assert Tries.allowing(5, 40.0) == Tries(name=5, address=50, renewals=600)


def test_renewals_are_limited_by_themselves():
    guesses = Guesses()
    for _ in range(300):
        assert guesses.take_renewal("192.0.2.1", 0.0) == 0.0
    assert guesses.take_renewal("192.0.2.1", 1.0) == 299.0
    assert guesses.take_renewal("192.0.2.2", 1.0) == 0.0
    assert guesses.take("192.0.2.1", "anna", 1.0) == 0.0
