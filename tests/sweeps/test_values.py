"""The values of a key in a sweep: lists, ranges, and what neither is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irisbp.errors import ConfigError
from irisbp.sweeps.grid.values import axis_of, parse_axis, split_values


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b,c", ["a", "b", "c"]),
        ("a", ["a"]),
        ("", [""]),
        (" a , b ", ["a", "b"]),
        ("sgd,{name: sgd, momentum: 0.9},adam", ["sgd", "{name: sgd, momentum: 0.9}", "adam"]),
        ("[3],[8, 4],[]", ["[3]", "[8, 4]", "[]"]),
        ("[[1,2],[3]],4", ["[[1,2],[3]]", "4"]),
        ('"a,b",c', ['"a,b"', "c"]),
        (r'"a\",b",c', [r'"a\",b"', "c"]),
        ("'it''s, so',c", ["'it''s, so'", "c"]),
        ("it's,so", ["it's", "so"]),  # within a word, a quote is a letter
        ('["]",1],2', ['["]",1]', "2"]),
        ("{a: 'x,}'},2", ["{a: 'x,}'}", "2"]),
    ],
)
def test_commas_within_brackets_and_quotes_do_not_split(text: str, parts: list[str]) -> None:
    assert split_values(text) == parts


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)


@given(st.lists(st.one_of(st.integers(), WORDS, st.lists(st.integers(), max_size=3)), min_size=1))
def test_what_json_writes_comes_apart_as_it_was(values: list[object]) -> None:
    texts = [json.dumps(value) for value in values]
    assert split_values(",".join(texts)) == texts
    axis = parse_axis("key=" + ",".join(texts))
    assert [axis[k].value for k in range(len(axis))] == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0:3", [0, 1, 2]),
        ("0:10:4", [0, 4, 8]),
        ("3:0:-1", [3, 2, 1]),
        ("-1:1", [-1, 0]),
        ("7,0:2,9,5:7", [7, 0, 1, 9, 5, 6]),
        ("1e-3,0.1,.5", [0.001, 0.1, 0.5]),
        ("null,1.5", [None, 1.5]),
        ("true,no", [True, "no"]),
        ('"0:2",x:y', ["0:2", "x:y"]),
        ("", [None]),
    ],
)
def test_values_are_those_of_overrides_and_of_python_ranges(text: str, values: list[object]) -> None:
    axis = parse_axis(f"key={text}")
    assert [axis[k].value for k in range(len(axis))] == values
    with pytest.raises(IndexError):
        axis[len(values)]
    again = parse_axis(f"key={axis.text}")
    assert again == axis


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-5, 5).filter(bool))
def test_a_range_is_pythons(start: int, stop: int, step: int) -> None:
    text = f"key={start}:{stop}:{step}"
    if range(start, stop, step):
        axis = parse_axis(text)
        assert [axis[k].value for k in range(len(axis))] == list(range(start, stop, step))
    else:
        with pytest.raises(ConfigError, match="empty range"):
            parse_axis(text)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("seed", "argument seed: not KEY=VALUES, such as seed=0:100 or optimizer=sgd,adam"),
        ("seed=1,,2", "argument seed=1,,2: a value is empty: write null for none"),
        ("seed=1,", "argument seed=1,: a value is empty: write null for none"),
        ("seed=0:5:0", "argument seed=0:5:0: the range's step must not be 0"),
        ("seed=5:5", "argument seed=5:5: 5:5 is an empty range: a range does not include its end"),
        (
            "seed=0:9999999999999999999",
            "argument seed=0:9999999999999999999: 9999999999999999999 values; a sweep has at most",
        ),
        ("a..b=1", "argument a..b=1: a key is words joined by single dots"),
        ("x=[1,2", "argument x=[1,2: not valid YAML: "),
    ],
)
def test_what_is_no_list_of_values(argument: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_axis(argument)
    assert str(error.value).startswith(message)


def test_the_path_of_a_table_is_absolute(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    axis = parse_axis("data.source=null,a.csv,/b.csv")
    assert [axis[k].value for k in range(3)] == [None, f"{tmp_path}/a.csv", "/b.csv"]
    whole = parse_axis("data={source: a.csv, target: x},{source: null}")
    assert whole[0].value == {"source": f"{tmp_path}/a.csv", "target": "x"}
    assert parse_axis(f"data={whole.text}") == whole


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (range(5), "0:5"),
        (range(0, 10, 3), "0:10:3"),
        ([1, 2], "1,2"),
        ((0.1, 1e-5, 1e308, -0.0), "0.1,1e-5,1e308,-0.0"),
        ([None, True], "null,true"),
        (["sgd", "it's", "a b"], "sgd,it's,a b"),
        (["a,b", "0:3", "null", "1", "", "x: y"], '"a,b","0:3","null","1","","x: y"'),
        ([[3], [8, 4], []], "[3],[8, 4],[]"),
        ([{"name": "sgd", "momentum": 0.9}], "{name: sgd, momentum: 0.9}"),
    ],
)
def test_values_of_python_get_the_text_that_gives_them(values: list[object], text: str) -> None:
    axis = axis_of("key", values)
    assert axis.text == text
    assert [axis[k].value for k in range(len(axis))] == list(values)
    assert parse_axis(f"key={text}") == axis
