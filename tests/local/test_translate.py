"""What the two engines would answer differently is refused, and the reason said."""

import pytest

from api.local.translate import NotPortable, generated, translated, unportable

REFUSED = [
    ("select requests / days as a from t", "cuts integers"),
    ("select div(a, b) from t", "cuts integers"),
    ("select cast(cost as numeric) from t", "three decimals"),
    ("select cost::decimal(18) from t", "three decimals"),
    ("select avg(cost) from t", "sum and count apart"),
    ("select percentile_cont(0.95) within group (order by ms) from t", "exact"),
    ("select round(ms::float8) from t", "to even"),
    ("select round(ms) from t", "to even"),
    ("select model ~ '^gpt' from t", "use like"),
    ("select model ~* 'gpt' from t", "use like"),
    ("select body ->> 'model' from t", "JSON"),
    ("select body -> 'model' from t", "JSON"),
    ("select flags @> array['a'] from t", "JSON and array"),
    ("select tags ? 'a' from t", "JSON and array"),
    ("select '[1,2)'::int4range from t", "range"),
    ("select tstzrange(a, b) from t", "passes it through"),
    ("select octet_length(model) from t", "passes it through"),
    ("select jsonb_array_elements(body) from t", "passes it through"),
    ("select extract(epoch from requested_at) from t", "a double"),
    ("select requested_at::date from t", "time zone"),
    ("select cast(requested_at as date) from t", "time zone"),
    ("select date_trunc('day', requested_at) from t", "time zone"),
    ("select date_trunc('month', valid_from) from t", "time zone"),
    ("select cast(x as timestamptz)::date from t", "time zone"),
]

PORTABLE = [
    "select cast(requested_at at time zone 'UTC' as date) from t",
    "select date_trunc('hour', requested_at at time zone 'UTC') from t",
    "select date_trunc('month', usage_date) from t",
    "select cast(sum(cost) as numeric(38, 0)), count(cost) from t",
    "select round(cast(ms as numeric(14, 3))) from t",
    "select percentile_disc(0.95) within group (order by ms) from t",
    "select floor(cost_pico * 0.0000001) from t where model like 'gpt%%'",
    "select mod(a, b), lead(a) over (order by b) from t",
]


@pytest.mark.parametrize(("sql", "reason"), REFUSED)
def test_what_differs_in_silence_is_refused_with_its_reason(
    sql: str, reason: str
) -> None:
    assert any(reason in complaint for complaint in unportable(sql)), sql


@pytest.mark.parametrize("sql", PORTABLE)
def test_what_means_the_same_on_both_is_let_through(sql: str) -> None:
    assert list(unportable(sql)) == []


def test_a_refusal_names_every_complaint_and_where_it_stands() -> None:
    with pytest.raises(NotPortable) as refusal:
        generated(
            {"fct_a": "select avg(b) as b from c", "unread": "select 1 / 2"},
            {"question": "select b / 2 from fct_a"},
        )
    lines = str(refusal.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["fct_a", "question"]


def test_only_models_that_a_question_reaches_are_translated_in_order() -> None:
    files = generated(
        {
            "fct_b": 'select * from "db"."staging"."stg_a"',
            "stg_a": 'select * from "db"."raw"."requests"',
            "unread": "select 1",
        },
        {"question": "select * from fct_b where day >= %(since)s"},
    )
    assert set(files) == {
        "fct_b.sql",
        "stg_a.sql",
        "questions/question.sql",
        "order.txt",
    }
    assert files["order.txt"] == "stg_a\nfct_b\n"
    assert "$since" in files["questions/question.sql"]
    assert "FROM stg_a" in files["fct_b.sql"]


def test_two_relations_that_would_share_a_name_are_refused() -> None:
    with pytest.raises(NotPortable, match="requests"):
        translated("with requests as (select 1) select * from raw.requests, requests")
