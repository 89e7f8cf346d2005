"""What is remembered is bounded in number and in age, and is not the text."""

from edge.hits.recent import Recent


def test_it_remembers():
    recent = Recent(4)
    assert recent.get(1) is None
    recent.put(1, "one")
    assert recent.get(1) == "one"
    recent.put(2, False)
    assert recent.get(2) is False


def test_full_it_forgets_the_older_half():
    recent = Recent(4)
    for key in range(100):
        recent.put(key, str(key))
        assert recent.stats().entries <= 4
    assert recent.get(0) is None
    assert recent.get(99) == "99"
    assert recent.stats().made == 100
    assert recent.stats().turned == 49


def test_what_is_asked_for_stays():
    recent = Recent(4)
    recent.put(0, "kept")
    for key in range(1, 50):
        recent.put(key, "")
        assert recent.get(0) == "kept"
        assert recent.stats().entries <= 4


def test_nothing_unasked_outlives_thirty_minutes():
    recent = Recent(100)
    recent.tick(1000.0)
    recent.put(1, "a")
    for now in range(1000, 1000 + 1800 + 1, 60):
        recent.tick(float(now))
    assert recent.stats().entries == 0
    assert recent.get(1) is None


def test_what_is_used_in_between_stays_and_ticks_in_between_do_nothing():
    recent = Recent(100)
    recent.tick(1000.0)
    recent.put(1, "a")
    for now in range(1000, 10_000, 60):
        recent.tick(float(now))
        assert recent.get(1) == "a"
    turned = recent.stats().turned
    recent.tick(10_000.0)
    recent.tick(10_001.0)
    assert recent.stats().turned - turned <= 1


def test_a_clock_that_went_back_forgets_rather_than_keeps():
    recent = Recent(100)
    recent.tick(10_000.0)
    recent.put(1, "a")
    recent.tick(10.0)
    recent.tick(10.0 + 900)
    assert recent.stats().entries == 0
