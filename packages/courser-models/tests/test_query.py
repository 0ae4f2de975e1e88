"""`QueryParams`: order, repeats, and the way in and out of text."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courser_models import InvalidURL, QueryParams

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
pair_lists = st.lists(st.tuples(st.sampled_from(["a", "b", "c", ""]) | texts, texts), max_size=8)


@pytest.mark.parametrize(
    ("given_params", "pairs"),
    [
        (None, []),
        ("", []),
        (b"", []),
        ({}, []),
        ("a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        ("a&b=&=c&&d=e=f", [("a", ""), ("b", ""), ("", "c"), ("d", "e=f")]),
        (b"a=%20+%2B", [("a", "  +")]),
        ("a=%C3%A9&b=%FF", [("a", "é"), ("b", "\ufffd")]),
        ("a=1;b=2", [("a", "1;b=2")]),
        (
            {"a": [1, None, True], "b": (), "c": 1.5, "d": False},
            [("a", "1"), ("a", ""), ("a", "true"), ("c", "1.5"), ("d", "false")],
        ),
        ([("b", 2), ("a", 1), ("b", None)], [("b", "2"), ("a", "1"), ("b", "")]),
        ((("a", "1"),), [("a", "1")]),
        ([["a", "1"], ("a", b"x")], [("a", "1"), ("a", "b'x'")]),
        (QueryParams("x=1&x=2"), [("x", "1"), ("x", "2")]),
    ],
)
def test_params_are_taken_in_every_form_and_kept_in_order(given_params: Any, pairs: list[tuple[str, str]]) -> None:
    assert QueryParams(given_params).multi_items() == pairs


def test_params_may_be_keywords() -> None:
    assert QueryParams(a=1, b=["x", "y"]).multi_items() == [("a", "1"), ("b", "x"), ("b", "y")]


@pytest.mark.parametrize(("arguments", "keywords"), [(("a", "b"), {}), (("a",), {"b": 1})])
def test_params_are_one_argument_or_keywords(arguments: tuple[str, ...], keywords: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="takes one argument, or keywords"):
        QueryParams(*arguments, **keywords)


@given(pair_lists)
def test_order_and_text_survive_the_way_through_a_query(pairs: list[tuple[str, str]]) -> None:
    params = QueryParams(pairs)

    assert params.multi_items() == pairs
    assert QueryParams(str(params)).multi_items() == pairs
    assert str(params).isascii()


def test_text_is_form_encoded() -> None:
    assert str(QueryParams([("a b", "1&2"), ("é", "+/~")])) == "a+b=1%262&%C3%A9=%2B%2F~"


def test_a_mapping_gives_the_first_value_of_each_name() -> None:
    params = QueryParams("a=1&b=2&a=3")

    assert (params["a"], params.get("a"), params.get("z"), params.get("z", "d")) == ("1", "1", None, "d")
    assert params.get_list("a") == ["1", "3"]
    assert params.get_list("z") == []
    assert (list(params), list(params.keys()), list(params.values())) == (["a", "b"], ["a", "b"], ["1", "2"])
    assert dict(params.items()) == dict(params) == {"a": "1", "b": "2"}
    assert (len(params), "a" in params, "z" in params) == (2, True, False)
    with pytest.raises(KeyError):
        params["z"]


def test_params_are_true_when_there_are_any() -> None:
    assert QueryParams("a")
    assert not QueryParams("")


def test_a_change_is_a_copy() -> None:
    params = QueryParams("a=1&b=2&a=3")

    assert str(params.set("a", 9)) == "a=9&b=2"
    assert str(params.set("c")) == "a=1&b=2&a=3&c="
    assert str(params.add("b", 0)) == "a=1&b=2&a=3&b=0"
    assert str(params.remove("a")) == "b=2"
    assert str(params.remove("z")) == "a=1&b=2&a=3"
    assert str(params.merge({"b": [7, 8], "c": 9})) == "a=1&b=7&b=8&a=3&c=9"
    assert str(params.merge(None)) == "a=1&b=2&a=3"
    assert str(params) == "a=1&b=2&a=3"


@given(pair_lists, st.sampled_from(["a", "b", "c"]))
def test_set_leaves_one_value_and_every_other_pair_in_place(pairs: list[tuple[str, str]], name: str) -> None:
    changed = QueryParams(pairs).set(name, "new")

    assert changed.get_list(name) == ["new"]
    assert changed.remove(name).multi_items() == [pair for pair in pairs if pair[0] != name]


def test_params_cannot_be_changed_in_place() -> None:
    params = QueryParams("a=1")

    with pytest.raises(RuntimeError, match=r"merge\(\.\.\.\)"):
        params.update({"a": 2})
    with pytest.raises(RuntimeError, match=r"set\(key, value\)"):
        params["a"] = "2"


@given(pair_lists, st.randoms(use_true_random=False))
def test_params_are_equal_and_hash_alike_whatever_their_order(pairs: list[tuple[str, str]], random: Any) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)

    assert QueryParams(pairs) == QueryParams(shuffled)
    assert hash(QueryParams(pairs)) == hash(QueryParams(shuffled))


def test_params_differ_from_others_and_from_their_text() -> None:
    assert QueryParams("a=1") != QueryParams("a=2")
    assert QueryParams("a=1") != QueryParams("a=1&a=1")
    assert QueryParams("a=1") != "a=1"


def test_repr_is_what_makes_them() -> None:
    assert repr(QueryParams({"q": "b c"})) == "QueryParams('q=b+c')"


@pytest.mark.parametrize("given_params", [5, ["ab"], [("a",)], [("a", "b", "c")], [5]])
def test_params_without_pairs_are_refused(given_params: Any) -> None:
    with pytest.raises(TypeError):
        QueryParams(given_params)


def test_params_that_no_query_can_carry_are_an_invalid_url() -> None:
    with pytest.raises(InvalidURL, match="must be ASCII"):
        QueryParams(b"a=\xff")
    params = QueryParams({"a": "\ud800"})
    with pytest.raises(InvalidURL, match="lone surrogate"):
        str(params)
    assert repr(params) == "QueryParams([('a', '\\ud800')])"


def test_params_survive_pickling() -> None:
    restored = pickle.loads(pickle.dumps(QueryParams("a=1&b=2&a=3")))

    assert (type(restored), restored.multi_items()) == (QueryParams, [("a", "1"), ("b", "2"), ("a", "3")])
