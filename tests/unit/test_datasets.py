"""Tables to try things on: named, complete, and with the truth they claim."""

import numpy as np
import pytest

from derivata.datasets import DATASETS, TRUTHS, csv_text, load_dataset, simulate
from derivata.errors import InvalidParameter
from derivata.tables import read_table

SHAPES = {
    "breast_cancer": (569, 31),
    "diabetes": (442, 11),
    "digits": (1797, 65),
    "iris": (150, 5),
    "wine": (178, 14),
}


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_bundled_table_has_its_rows_and_real_names(name):
    data = load_dataset(name)
    assert (data.table.n_rows, len(data.table.names)) == SHAPES[name]
    assert data.target in data.table.names and data.name == name and data.about.endswith(".")
    assert all(label.replace("_", "").replace("0", "").isalnum() for label in data.table.names)
    assert not any(column.missing.any() for column in data.table.columns)


def test_the_first_patient_of_diabetes_is_59_years_old():
    table = load_dataset("diabetes").table
    assert table["age"].values[0] == 59.0 and table["progression"].values[0] == 151.0


@pytest.mark.parametrize("name", ["diabetes", "iris"])
def test_a_table_written_as_csv_is_read_back_equal(name, tmp_path):
    table = load_dataset(name).table
    path = tmp_path / "t.csv"
    path.write_text(csv_text(table))
    again = read_table(path)
    assert again.names == table.names
    for column in table.columns:
        assert np.array_equal(again[column.name].values, column.values)


@pytest.mark.parametrize("truth", TRUTHS)
def test_a_simulated_truth_has_length_one_and_its_shape(truth):
    data = simulate("squared", 50, 20, truth=truth)
    assert np.linalg.norm(data.coef) == pytest.approx(1.0, rel=1e-12)
    if truth == "sparse":
        assert np.flatnonzero(data.coef).tolist() == [0, 10]


def test_simulated_tables_are_the_same_for_the_same_random_state():
    one, two = (simulate("poisson", 30, random_state=7).table for _ in range(2))
    assert csv_text(one) == csv_text(two)
    other = simulate("poisson", 30, random_state=8).table
    assert not np.array_equal(one["x0"].values, other["x0"].values)


def test_least_squares_finds_the_simulated_coefficients():
    data = simulate("squared", 4000, 5, noise=0.1)
    X = np.column_stack([data.table[f"x{j}"].values for j in range(5)])
    found = np.linalg.lstsq(X, data.table["y"].values, rcond=None)[0]
    assert found == pytest.approx(data.coef, abs=0.01)  # six standard errors


@pytest.mark.parametrize(
    "call",
    [
        lambda: load_dataset("titanic"),
        lambda: simulate("gamma", 10),
        lambda: simulate("squared", 10, truth="odd"),
    ],
)
def test_an_unknown_name_is_refused_with_those_there_are(call):
    with pytest.raises(InvalidParameter, match="expected"):
        call()
