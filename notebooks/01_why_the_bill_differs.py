# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Why does the provider's bill differ from what we logged?
#
# A daemon on every developer's machine logs each call to an LLM provider; this
# warehouse prices the calls. Once a month the provider sends a bill. The two are never
# the same to the last digit. This notebook takes the bill that is furthest off and
# follows the difference as far as the warehouse knows today.
#
# - **Logged** is the sum of the metered calls at this warehouse's own rates. It is
#   exact: every dollar figure below has all of its digits, and in tables those beyond
#   the cent are shown lighter.
# - **Payable** is what the bill says. **Variance** is payable minus logged: plus means
#   that the bill is higher.
# - **Unpriced** calls have no known rate or no counted tokens. They are in no sum of
#   money and are counted beside it: unpriced is not zero.
# - Anything estimated says *about*. Everything else is added up, not estimated.
#
# Every sentence with a figure in it is made from the figures when the notebook runs.

# %%
import os
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import altair as alt
import polars as pl

from models.answers.reconciliation import InvoiceReconciliation
from models.answers.usage import Grouping, UsageDay, UsageKey
from models.money import PICO_PER_MILLICENT
from notebooks import reading
from notebooks.drawing import days_chart, variance_chart
from notebooks.telling import (
    Prose,
    Table,
    about,
    counted,
    month_name,
    percent,
    status_name,
    usd,
)

alt.renderers.enable("svg")

WORKSPACE = os.environ.get("HMC_WORKSPACE", "meridian")  # slug or id
# Name a bill to look at that one, as in "gemini 2026-09"; else the furthest off.
BILL = os.environ.get("HMC_BILL", "")
# Providers bill UTC months but for these.
BILLED_IN = {"gemini": "America/Los_Angeles"}
METERED, PLAN = "api", "subscription_imputed"


# %% [markdown]
# ## The difference
#
# Everything is read in one snapshot, so that no two figures come from different
# moments, by a login that can read this one workspace and write nothing.


# %%
def furthest_off(bills: pl.DataFrame) -> dict:
    """Pick the bill named above; else the largest variance that is out of tolerance."""
    billed = bills.drop_nulls("payable_usd")
    if BILL:
        provider, month = BILL.split()
        billed = billed.filter(
            provider=provider, period_month=date.fromisoformat(f"{month}-01")
        )
    if billed.is_empty():
        raise SystemExit(f"No such bill has been entered for {WORKSPACE}.")
    return billed.sort(
        pl.col("status") == "investigate", pl.col("variance_usd").abs()
    ).row(-1, named=True)


def midnight(day: date, zone: str = "UTC") -> datetime:
    """Return the start of a day in a time zone, as UTC."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)


with reading.workspace(WORKSPACE) as warehouse:
    as_of = reading.published_at(warehouse)
    running_month = as_of.date().replace(day=1)
    bills = reading.ask(
        warehouse,
        InvoiceReconciliation,
        since=running_month.replace(year=running_month.year - 1),
        until=running_month,
    )
    bill = furthest_off(bills)
    provider, first = bill["provider"], bill["period_month"]
    last = first.replace(day=monthrange(first.year, first.month)[1])
    after = last + timedelta(days=1)

    by_provider, by_model, by_project = (
        reading.ask(
            warehouse, UsageKey, grouping=grouping, since=first, until=last
        ).filter(provider=provider)
        for grouping in (
            Grouping.PROVIDER,
            Grouping.PROVIDER_MODEL,
            Grouping.PROJECT_PROVIDER,
        )
    )
    by_day = reading.ask(
        warehouse,
        UsageDay,
        grouping=Grouping.PROVIDER_MODEL,
        since=first,
        until=last,
    ).filter(provider=provider, billing_basis=METERED)
    # A day more, for what a month that ends later than ours takes in.
    receipts = reading.receipts(
        warehouse,
        midnight(first),
        midnight(after + timedelta(days=1)),
        provider=provider,
    )

whole = by_provider.filter(billing_basis=METERED)
models = by_model.filter(billing_basis=METERED)
projects = by_project.filter(billing_basis=METERED)
metered = receipts.filter(billing_basis=METERED)
in_month = metered.filter(pl.col("requested_at") < midnight(after))

payable, logged, variance = (
    bill[name] for name in ("payable_usd", "logged_usd", "variance_usd")
)
is_above = variance > 0
direction = "higher" if is_above else "lower"

# %% jupyter={"source_hidden": true}
Prose(
    f"### {provider}, {month_name(first)}: the bill is {usd(abs(variance))}"
    f" {direction} than the logs\n\n"
    f"It says **{usd(payable)}**; the {counted(bill['request_count'], 'call')} that"
    f" daemons logged cost **{usd(logged)}**. The difference is"
    f" {percent(abs(variance), payable)} of the bill, where"
    f" {usd(bill['tolerance_usd'])} is tolerated. Status:"
    f" **{status_name(bill['status'])}**.\n\n"
    f"Workspace {WORKSPACE}, figures as published on {as_of:%d %B %Y at %H:%M:%S} UTC."
    " What to do about it stands [at the end](#What-to-do-next)."
)

# %% jupyter={"source_hidden": true}
Table(
    bills.filter(provider=provider, period_month=first).with_columns(
        pl.col("status").map_elements(status_name, return_dtype=pl.String)
    ),
    {
        "provider": "Provider",
        "account": "Account",
        "request_count": "Calls",
        "unpriced_count": "Unpriced calls",
        "logged_usd": "Logged",
        "payable_usd": "Payable",
        "variance_usd": "Variance",
        "tolerance_usd": "Tolerance",
        "status": "Status",
    },
    f"Reconciliation of {month_name(first)}",
    absent=dict.fromkeys(("payable_usd", "variance_usd"), "no bill"),
)

# %% [markdown]
# ## Beside the other bills
#
# *Matched*: no further off than the bill's own rounding can hide. *Within tolerance*:
# by at most 0.5 % of the bill, and never more than $25. *Investigate*: anything else.

# %%
billed = bills.drop_nulls("payable_usd").sort(
    "period_month", "provider", descending=[True, False]
)
without = bills.filter(
    pl.col("period_month") < running_month, status="missing_invoice"
).sort("period_month", "provider", descending=[True, False])
variance_chart(billed)

# %% jupyter={"source_hidden": true}
Prose(
    f"{counted(billed.height, 'bill').capitalize()} of the last twelve months"
    f" {'has' if billed.height == 1 else 'have'} been entered: "
    + ", ".join(
        f"{count} {status_name(status)}"
        for status, count in billed["status"].value_counts(sort=True).iter_rows()
    )
    + f". No bill yet: {counted(without.height, 'closed provider month')}, in which"
    f" {usd(without['logged_usd'].sum())} was logged."
)

# %% [markdown]
# ## Do our own figures hold together?
#
# Before the provider is asked, our side has to add up. The same money is kept in
# several places: on the receipts and in rollups by day, model and project. Each is
# added up here anew and has to agree to the last of twelve decimals. The notebook stops
# if one does not.

# %%
of_provider = bills.filter(provider=provider, period_month=first)
rollups = {
    "rollup of the provider": whole,
    "rollup by model": models,
    "rollup by day and model": by_day,
    "rollup by project": projects,
}
added_up = pl.concat(
    [
        *(
            rollup.select(
                pl.lit(name).alias("from"),
                pl.len().alias("parts"),
                pl.col("request_count", "unpriced_count", "cost_usd").sum(),
            )
            for name, rollup in rollups.items()
        ),
        in_month.select(
            pl.lit("receipts, one by one").alias("from"),
            pl.len().alias("parts"),
            pl.len().cast(pl.Int64).alias("request_count"),
            pl.col("cost_usd").is_null().sum().cast(pl.Int64).alias("unpriced_count"),
            pl.col("cost_usd").sum(),
        ),
    ]
).with_columns(off_usd=pl.col("cost_usd") - pl.lit(of_provider["logged_usd"].sum()))

for column in ("request_count", "unpriced_count"):
    assert set(added_up[column]) == {of_provider[column].sum()}
assert set(added_up["off_usd"]) == {Decimal(0)}
assert payable - logged == variance

# %% jupyter={"source_hidden": true}
Table(
    added_up,
    {
        "from": "Added up from",
        "parts": "Parts",
        "request_count": "Calls",
        "unpriced_count": "Unpriced calls",
        "cost_usd": "Sum",
        "off_usd": "Off by",
    },
    f"{provider} in {month_name(first)}, logged, {added_up.height} times over",
)

# %% jupyter={"source_hidden": true}
Prose(
    f"All {added_up.height} ways agree with the reconciliation to the picodollar, in"
    " money, calls and unpriced calls, and payable minus logged is the variance. The"
    " difference is not an error of addition on our side."
)

# %% [markdown]
# ## Where the money went

# %%
with_tokens = pl.sum_horizontal(
    "input_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "cache_write_tokens",
).alias("tokens")
# Where nothing is priced there is nothing to compare a submitted cost with.
comparable = pl.when(pl.col("cost_usd").is_not_null())
models = models.with_columns(
    with_tokens, drift_millicents=comparable.then("drift_millicents")
)
Table(
    models,
    {
        "model": "Model",
        "request_count": "Calls",
        "tokens": "Tokens",
        "unpriced_count": "Unpriced calls",
        "unpriced_tokens": "Unpriced tokens",
        "incomplete_count": "Cut short",
        "failed_count": "Failed",
        "cost_usd": "Logged",
        "drift_millicents": "Drift",
    },
    f"{provider} by model, {month_name(first)}",
    total=whole.with_columns(with_tokens, model=pl.lit("all models")),
    absent={"cost_usd": "unpriced"},
)

# %%
days_chart(by_day, last.day, f"{provider}, {month_name(first)}, by UTC day and model")

# %% jupyter={"source_hidden": true}
daily = by_day.group_by("usage_date").agg(
    pl.col("cost_usd", "unpriced_count", "incomplete_count").sum()
)
dearest = daily.sort("cost_usd").row(-1, named=True)
Prose(
    f"Calls were logged on {daily.height} of {last.day} days. The dearest was"
    f" {dearest['usage_date']:%d %B} with {usd(dearest['cost_usd'])},"
    f" {percent(dearest['cost_usd'], logged)} of what was logged in the month. Days"
    f" with unpriced calls: {daily.filter(pl.col('unpriced_count') > 0).height}; with"
    f" calls cut short: {daily.filter(pl.col('incomplete_count') > 0).height}."
)

# %% [markdown]
# ## What could explain it
#
# Each cause is measured by itself, and none is stretched to make the variance come out
# even.
#
# ### Calls without a rate
#
# A model that the rate catalogue does not know is never priced like its cousin. What
# such calls would have cost can only be bounded: by the cheapest and the dearest that a
# token cost on average among this provider's priced models of the month.

# %%
no_rate_count = whole["missing_rate_count"].sum()
no_rate_tokens = whole["unpriced_tokens"].sum()
per_token = [
    row["cost_usd"] / row["tokens"]
    for row in models.drop_nulls("cost_usd").iter_rows(named=True)
    if row["tokens"]
]
no_rate_least = no_rate_tokens * min(per_token, default=Decimal(0))
no_rate_most = no_rate_tokens * max(per_token, default=Decimal(0))
Table(
    models.filter(pl.col("missing_rate_count") > 0),
    {
        "model": "Model",
        "missing_rate_count": "Calls without a rate",
        "unpriced_tokens": "Unpriced tokens",
        "first_date": "First day",
        "last_date": "Last day",
    },
    f"Models without a rate, {month_name(first)}",
)

# %% jupyter={"source_hidden": true}
Prose(
    f"Without a rate: {counted(no_rate_count, 'call')} with"
    f" {counted(no_rate_tokens, 'token')}. At this month's prices per token that is"
    f" between {about(no_rate_least)} and {about(no_rate_most)}."
    + (
        " To be the whole variance, a million of these tokens would have to cost"
        f" {about(variance * 1_000_000 / no_rate_tokens)}; the dearest priced model"
        f" came to {about(max(per_token) * 1_000_000)}."
        if no_rate_tokens and is_above and per_token
        else ""
    )
)

# %% [markdown]
# ### Calls cut short
#
# When a stream breaks off, the daemon counts the tokens that it saw, and the provider
# bills those that it made. As an estimate: had each of these calls cost what a complete
# call of its model cost on average.

# %%
cut_short = in_month.filter(~pl.col("is_complete"))
uncounted = cut_short.filter(
    pl.col("rate_id").is_not_null(), pl.col("cost_usd").is_null()
)
cut_logged = cut_short["cost_usd"].sum()
average_of = {
    model: calls["cost_usd"].sum() / calls.height
    for (model,), calls in in_month.filter("is_complete")
    .drop_nulls("cost_usd")
    .group_by("model")
}
cut_expected = sum(
    (average_of.get(model, Decimal(0)) for model in cut_short["model"]), Decimal(0)
)
cut_more = max(cut_expected - cut_logged, Decimal(0))

# %% jupyter={"source_hidden": true}
Prose(
    f"Cut short: {counted(cut_short.height, 'call')}, logged at {usd(cut_logged)}. Of"
    f" {counted(uncounted.height, 'call')} among them nothing was counted at all, which"
    " leaves them unpriced although their rate is known. As complete calls they would"
    f" have cost {about(cut_expected)}: {about(cut_more)} more."
)

# %% [markdown]
# ### Failed calls that carry cost
#
# Tokens counted before a timeout are priced here. A provider that does not bill them
# bills less than was logged.

# %%
failed = in_month.filter(pl.col("status") != "success")
failed_logged = failed["cost_usd"].sum()
Prose(
    f"Failed or blocked: {counted(failed.height, 'call')}, which carry"
    f" {usd(failed_logged)} of the logged cost."
)

# %% [markdown]
# ### Drift
#
# A daemon submits a cost of its own, which is kept for audit and never believed. Drift
# is submitted minus recomputed, call by call in whole millicents, where both are known.

# %%
drift = reading.dollars(whole["drift_millicents"].sum() * PICO_PER_MILLICENT)
drifting = (
    in_month.filter(pl.col("drift_millicents") != 0)
    .group_by("model", pl.col("machine_id").str.slice(0, 8))
    .agg(pl.len().cast(pl.Int64).alias("calls"), pl.col("drift_millicents").sum())
    .sort(pl.col("drift_millicents").abs(), descending=True)
)
Table(
    drifting.head(8),
    {
        "machine_id": "Machine",
        "model": "Model",
        "calls": "Calls",
        "drift_millicents": "Drift",
    },
    "Machines whose daemons reckon another price",
)

# %% jupyter={"source_hidden": true}
Prose(
    "Every daemon that submitted a cost agrees with the warehouse."
    if drifting.is_empty()
    else f"Over {counted(drifting['calls'].sum(), 'call')} the daemons submitted"
    f" {usd(abs(drift))} {'more' if drift > 0 else 'less'} than this warehouse"
    " reckons. Had we believed them, the variance would be"
    f" {usd(variance - drift, signed=True)} instead of {usd(variance, signed=True)}: "
    + (
        "closer, so look at whose rates are right."
        if abs(variance - drift) < abs(variance)
        else "no closer, so the bill does not speak for their prices."
    )
)

# %% [markdown]
# ### Where the month ends
#
# Finance counts UTC months. A provider that counts in another time zone leaves out the
# first hours of our month and takes in as many of the next.

# %%
zone = BILLED_IN.get(provider, "UTC")
early = metered.filter(pl.col("requested_at") < midnight(first, zone))
late = metered.filter(
    pl.col("requested_at") >= midnight(after),
    pl.col("requested_at") < midnight(after, zone),
)
early_usd, late_usd = early["cost_usd"].sum(), late["cost_usd"].sum()
cut_off = late_usd - early_usd

# %% jupyter={"source_hidden": true}
if zone == "UTC":
    moved = f"{provider} bills UTC months, as we count them: nothing moves."
elif early.is_empty() and late.is_empty():
    moved = (
        f"{provider} bills months of {zone}. No call was made in the hours between"
        " midnight there and midnight UTC, at either end: nothing moves."
    )
else:
    moved = (
        f"{provider} bills months of {zone}. That leaves out"
        f" {counted(early.height, 'call')} of {usd(early_usd)} at the start and takes"
        f" in {counted(late.height, 'call')} of {usd(late_usd)} at the end, which moves"
        f" the logged side by exactly {usd(cut_off, signed=True)}."
    )
Prose(moved)

# %% [markdown]
# ### Plan traffic
#
# Calls that a flat-fee plan paid for are imputed at list price and stay out of logged
# spend, because no provider bills them by the call.

# %%
on_plan = by_provider.filter(billing_basis=PLAN)
plan_count, plan_usd = on_plan["request_count"].sum(), on_plan["cost_usd"].sum()
Prose(
    f"On a plan: {counted(plan_count, 'call')}, imputed at {usd(plan_usd)}. None of it"
    f" is in the {usd(logged)}."
    if plan_count
    else f"No call to {provider} ran on a plan that month."
)

# %% [markdown]
# ## The causes side by side
#
# What the logged side would change by if the whole cause were real, and how far that
# goes towards the variance.


# %%
def verdict(could_move: Decimal) -> str:
    """Say how far a cause that moves the logged side by so much would reach."""
    if could_move == 0 or variance == 0:
        return "nothing"
    if (could_move > 0) != is_above:
        return "the wrong way"
    return "all of it" if abs(could_move) >= abs(variance) else "part of it"


def exactly(amount: Decimal) -> str:
    """Write an amount that was added up, with its sign."""
    return usd(amount, signed=True)


causes = [
    # cause, calls, could move the logged side by, written, goes
    (name, calls, could_move, written(could_move), verdict(could_move))
    for name, calls, could_move, written in (
        ("calls without a rate, at most", no_rate_count, no_rate_most, about),
        ("calls cut short", cut_short.height, cut_more, about),
        ("failed calls, if not billed", failed.height, -failed_logged, exactly),
        ("the daemons' own prices", drifting["calls"].sum(), drift, exactly),
        ("the month's end", early.height + late.height, cut_off, exactly),
        ("plan traffic, if billed", plan_count, plan_usd, exactly),
    )
]

# %% jupyter={"source_hidden": true}
Table(
    pl.DataFrame(
        [(name, calls, written, goes) for name, calls, _, written, goes in causes],
        schema=["cause", "calls", "could_move", "goes"],
        orient="row",
    ),
    {
        "cause": "Cause",
        "calls": "Calls",
        "could_move": "Could move the logs by",
        "goes": f"Of {usd(variance, signed=True)}",
    },
    f"Why {provider}'s bill of {month_name(first)} is {usd(abs(variance))} {direction}",
)

# %% jupyter={"source_hidden": true}
enough = [name for name, _, _, _, goes in causes if goes == "all of it"]
reach = sum(
    (abs(moves) for _, _, moves, _, goes in causes if goes.endswith("of it")),
    Decimal(0),
)
UNSEEN = (
    "calls from machines without a daemon, other items on the bill, or a price that is"
    " not the catalogue's"
)
if variance == 0:
    conclusion = "There is no variance to explain."
elif enough:
    conclusion = f"Each of these alone could be all of it: {', '.join(enough)}."
elif reach >= abs(variance):
    conclusion = (
        "No cause alone is all of it; those that point the right way together reach"
        f" {about(reach)}, which could be."
    )
elif reach:
    conclusion = (
        "No cause that the warehouse can measure is all of it. Those that point the"
        f" right way reach {about(reach)} together, and {about(abs(variance) - reach)}"
        f" is left that the logs do not hold: {UNSEEN}."
    )
else:
    conclusion = (
        "No cause that the warehouse can measure points the right way. What is left is"
        f" not in the logs: {UNSEEN}."
    )
Prose(
    f"**{conclusion}** The bill has been entered as one total, so the warehouse cannot"
    " split it further, and does not pretend to."
)

# %% [markdown]
# ## What to do next

# %% jupyter={"source_hidden": true}
NAMED = 4  # of a longer list, so many are named


def some_of(names: list[str]) -> str:
    """Name the first of a list and count the rest."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


steps = []
if bill["status"] == "investigate":
    its_days = "" if zone == "UTC" else f" (its days are those of {zone})"
    steps.append(
        f"**Get {provider}'s cost export of {month_name(first)}** by day and"
        f" model{its_days} and lay it beside the table by model above. A model or an"
        " item that only the bill has is use that no daemon saw."
    )
if no_rate_count:
    asked = projects.filter(pl.col("missing_rate_count") > 0).sort(
        "missing_rate_count", descending=True
    )
    steps.append(
        f"**Enter a rate** for {counted(no_rate_count, 'call')} without one; they are"
        " priced again by themselves. Which model it was, the people of these projects"
        " can say: "
        + some_of(
            [
                f"{row['project'] or 'no project'} ({row['missing_rate_count']})"
                for row in asked.iter_rows(named=True)
            ]
        )
        + "."
    )
if not drifting.is_empty():
    machines = drifting["machine_id"].unique(maintain_order=True).to_list()
    steps.append(
        f"**Update the daemon** on {some_of(machines)}: it reckons other prices than"
        " the catalogue. That does not change the bill, only what its owner sees."
    )
if not without.is_empty():
    steps.append(
        "**Enter the bills that are missing**, the newest first: "
        + some_of(
            [
                f"{row['provider']} {row['period_month']:%Y-%m}"
                f" ({usd(row['logged_usd'])} logged)"
                for row in without.iter_rows(named=True)
            ]
        )
        + "."
    )
Prose("\n".join(f"{at}. {step}" for at, step in enumerate(steps, 1)) or "Nothing.")
