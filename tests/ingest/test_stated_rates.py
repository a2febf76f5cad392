"""Prices that an operator states, looks at and withdraws."""

from uuid import uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from ingest.rates.state import (
    prices_of,
    state_price,
    unpriced_models,
    withdraw_price,
)
from models.trouble import Trouble
from tests.factories import batch, daemon, rebuilt, record, workspace

NOTHING = (None, None)


def test_a_stated_price_prices_every_workspace_until_it_is_withdrawn(
    owner: psycopg.Connection, cloud: TestClient
) -> None:
    model = f"model-{uuid4().hex}"
    laptop = daemon(owner, cloud, workspace(owner))
    sent = record(provider="gemini", model=model, input_tokens=2, output_tokens=0)
    cloud.post("/v1/requests/batch", json=batch(sent), headers=laptop.headers)

    def cost() -> object:
        rebuilt()
        return owner.execute(
            "select cost_pico from marts.fct_priced_requests where model = %s", [model]
        ).fetchone()

    assert cost() == (None,)
    assert ("gemini", model) in {(m.provider, m.model) for m in unpriced_models(owner)}
    said = ("1.5", "3", None, None, None)
    rate_id = state_price(owner, ("gemini", model, 0), said, NOTHING, None)
    assert cost() == (3_000_000,)
    [price] = prices_of(owner, "google", model)
    assert price.rates == [1_500_000, 3_000_000, 3_000_000, 1_500_000, 1_500_000]
    withdraw_price(owner, rate_id)
    assert cost() == (None,)
    with pytest.raises(Trouble, match="no rate"):
        withdraw_price(owner, rate_id)


@pytest.mark.parametrize("usd", ["", "x", "1001", "0.0000001"])
def test_a_price_that_cannot_be_is_one_line_of_trouble(
    usd: str, owner: psycopg.Connection
) -> None:
    with pytest.raises(Trouble, match="a price"):
        state_price(owner, ("p", "m", 0), (usd, "1", None, None, None), NOTHING, None)
