"""Dates: each spelling is read, the order of day and month found, and the parts are of time."""

import datetime

import numpy as np
import pytest

from derivata.errors import InvalidData, TableWarning
from derivata.terms import Date
from derivata.terms.date_words import is_month_first, read_dates


def words(*values):
    return np.array(values, object)


def days_from(start, n_days, step=1):
    first = np.datetime64(start)
    return words(*(first + step * np.arange(n_days)).astype(str))


def fit(values, **named):
    return Date("when", **named).fit({"when": values})


def part(fitted, values, name):
    return fitted.block({"when": values})[:, np.array(fitted.parts) == name]


READ = [
    ("2024-03-01", 19783, 0, False),
    ("2024/3/1", 19783, 0, False),
    ("01.03.2024", 19783, 0, False),
    ("1-3-2024", 19783, 0, False),
    ("1969-12-31", -1, 0, False),
    ("2024-03-01T14:30", 19783, 14.5, True),
    ("2024-03-01 14:30:36", 19783, 14.51, True),
    ("2024-03-01 14:30:36.0Z", 19783, 14.51, True),
    ("2024-03-01T14:30:36,0+02:00", 19783, 14.51, True),
    ("1/3/2024 2:30 pm", 19783, 14.5, True),
    ("1/3/2024 12:00AM", 19783, 0, True),
    ("1/3/2024 12:15PM", 19783, 12.25, True),
]


@pytest.mark.parametrize(("word", "day", "hour", "timed"), READ)
def test_each_spelling_is_read(word, day, hour, timed):
    days, hours, have_time = read_dates([word], False)
    assert days[0] == day and hours[0] == pytest.approx(hour, abs=1e-12) and have_time[0] == timed


@pytest.mark.parametrize(
    "word",
    ["", "soon", "2024-02-30", "2024-13-01", "2024-3/1", "1.3.24", "2024-03-01T25:00"]
    + ["2024-03-01-10:30", "2024-03-01 1030:", "2O24-03-01", "2024-03-0\0"]
    + ["2024-03-01 10:61", "1/3/2024 13:00 pm", "0000-01-01", "2024-03-01 10", " 2024-03-01", None],
)
def test_what_is_no_date_is_missing(word):
    days, _, timed = read_dates([word], False)
    assert np.isnan(days[0]) and not timed[0]


@pytest.mark.parametrize("ending", ["", " 07:09", "T23:59", " 12:30:60", "T00:00:01"])
def test_words_read_together_are_those_read_one_by_one(ending):
    rng = np.random.default_rng(0)
    values = [
        f"{year:04}-{month:02}-{day:02}{ending}"
        for year, month, day in zip(
            rng.choice([0, 1, 1600, 1899, 1900, 1970, 2000, 2023, 2024, 9999], 500),
            rng.integers(0, 14, 500),
            rng.integers(0, 33, 500),
            strict=True,
        )
    ]
    # A zone or a fraction sends the same word through the other reader.
    other = [value + ("Z" if ending else "T00:00") for value in values]
    together, alone = read_dates(values, False), read_dates(other, False)
    np.testing.assert_array_equal(together[0], alone[0])
    np.testing.assert_array_equal(together[1], alone[1])
    assert 200 < np.isfinite(together[0]).sum() < 450


@pytest.mark.parametrize(
    ("dates", "month_first"),
    [
        (["1/2/2024", "3/4/2024"], False),
        (["1/2/2024", "31/4/2024"], False),
        (["1/2/2024", "3/14/2024"], True),
        (["1/2/2024", "3/14/2024", "14/3/2024"], False),
        (["1-2-2024", None, "3-14-2024"], True),
        (["1.2.2024", "3.14.2024"], False),
        (["2024-12-31"], False),
    ],
)
def test_the_month_is_first_only_where_it_must_be(dates, month_first):
    assert is_month_first(dates) is month_first


def test_the_order_found_at_fit_holds_afterwards():
    american = fit(words("1/2/2024", "3/14/2024", "12/24/2024"))
    assert american.month_first
    one = words("2/3/2024")
    np.testing.assert_array_equal(
        american.block({"when": one}), american.block({"when": words("2024-02-03")})
    )
    european = fit(words("1/2/2024", "14/3/2024", "24/12/2024"))
    np.testing.assert_array_equal(
        european.block({"when": one}), european.block({"when": words("2024-03-02")})
    )


def test_weekdays_are_those_of_the_calendar():
    values = days_from("1960-02-20", 5000, 3)
    fitted = fit(values)
    found = part(fitted, values, "weekday").argmax(1)
    truth = [datetime.date.fromisoformat(value).weekday() for value in values]
    assert found.tolist() == truth
    names = [
        name for name, kind in zip(fitted.names, fitted.parts, strict=True) if kind == "weekday"
    ]
    assert names[0] == "when=Monday" and names[-1] == "when=Sunday"


def test_the_season_repeats_after_a_year_and_needs_a_year_and_a_half():
    values = days_from("2020-01-01", 1200)
    fitted = fit(values)
    now, later = words("2021-07-10"), words("2421-07-10")  # 400 years are whole in the calendar
    np.testing.assert_allclose(
        part(fitted, now, "season"), part(fitted, later, "season"), atol=1e-9
    )
    assert "season" in fit(days_from("2020-01-01", 549)).parts
    assert "season" not in fit(days_from("2020-01-01", 548)).parts


def test_the_trend_goes_on_straight():
    fitted = fit(days_from("2020-01-01", 400))
    ahead = fitted.block({"when": days_from("2022-01-01", 3, 1000)})
    trend = ahead[:, : fitted.trend.n_features]
    np.testing.assert_allclose(trend[2] - trend[1], trend[1] - trend[0], rtol=1e-9)
    assert fitted.names[0] == "when" and fitted.parts[:2] == ("straight", "wiggly")


def test_hours_are_there_if_times_are_and_differ():
    days = days_from("2024-01-01", 96)
    assert "hour" not in fit(days).parts
    assert "hour" not in fit(words(*(f"{day} 10:00" for day in days))).parts
    values = words(*(f"{day} {i % 24:02}:30" for i, day in enumerate(days)))
    fitted = fit(values)
    hour = part(fitted, values, "hour")
    np.testing.assert_allclose(hour[:24], hour[24:48], atol=1e-12)
    # A date alone has no hour: the average.
    assert not part(fitted, days, "hour").any()


def test_one_weekday_is_no_weekday():
    assert "weekday" not in fit(days_from("2024-01-01", 50, 7)).parts


def test_words_that_are_no_dates_are_zeros_and_named():
    fitted = fit(days_from("2024-01-01", 50))
    match = "column 'when' holds words that are no dates, such as 'soon', in 2 of 4 rows"
    with pytest.warns(TableWarning, match=match):
        block = fitted.block({"when": words("soon", "2024-01-09", None, "soon")})
    assert not block[[0, 2, 3]].any() and block[1].any()


@pytest.mark.parametrize(
    ("values", "n_dates"),
    [(words("a", "b"), 0), (words(None), 0), (words("2024-01-01", "2024-01-01", "x"), 2)],
)
def test_dates_that_do_not_differ_are_refused(values, n_dates):
    with pytest.raises(InvalidData, match=f"column 'when' holds {n_dates} dates among"):
        fit(values)


def test_few_dates_are_a_line():
    assert fit(days_from("2024-01-01", 3)).trend.n_features == 1
    assert fit(days_from("2024-01-01", 60), n_basis=5).trend.n_features == 4
